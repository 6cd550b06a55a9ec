//! Arguments that cannot be, one function after another.

use super::{
    common::on_every_engine,
    models,
    script::{A::*, *},
};

on_every_engine! {
    inference: whole_inferences;
    addresses: bad_addresses;
    handles: handles_beyond;
    tensors: tensors_that_do_not_fit;
    windows: read_only_windows;
    numbers: numbers_that_are_none;
}

/// Wrapping, out of bounds, and at the very end.
const NOWHERE: [u32; 4] = [u32::MAX, u32::MAX - 3, 0x7fff_fffc, 1 << 30];

fn whole_inferences(engine: &str) {
    let script = script()
        .open()
        // Nothing was set, nothing was computed.
        .compute(INVALID_ARGUMENT)
        .get_output(OUTPUT, 16, INVALID_ARGUMENT)
        .doubles([1.0, -2.0, 3.5, 0.0])
        // The same context again, with the input that is there and with another.
        .compute(SUCCESS)
        .get_output(OUTPUT, 16, SUCCESS)
        .outputs([2.0, -4.0, 7.0, 0.0])
        .doubles([0.5, 0.25, -0.0, 8.0])
        // A second context of the same graph has inputs of its own.
        .call("context", [At(GRAPH), N(CONTEXT)], SUCCESS)
        .compute(INVALID_ARGUMENT)
        .doubles([1.0, 2.0, 3.0, 4.0])
        // The name of a graph that is there gives the same one.
        .store(GRAPH, 99)
        .call("load_by_name", [NAME, 5, GRAPH], SUCCESS)
        .holds(GRAPH, 0);
    script.passes(Some(model(&models::double(), engine)));
}

fn bad_addresses(engine: &str) {
    let mut script = script().data(700, b"\xff\xfe\x80").four([1.0; 4]);
    for nowhere in NOWHERE {
        script = script.call("load_by_name", [nowhere, 5, GRAPH], INVALID_ARGUMENT).call(
            "load_by_name",
            [NAME, 5, nowhere],
            INVALID_ARGUMENT,
        );
    }
    script = script
        .call("load_by_name", [NAME, u32::MAX, GRAPH], NOT_FOUND)
        .call("load_by_name", [NAME, 4, GRAPH], NOT_FOUND)
        .call("load_by_name", [NAME, 0, GRAPH], NOT_FOUND)
        .call("load_by_name", [700, 3, GRAPH], INVALID_ARGUMENT)
        // A handle goes where a handle can be.
        .call("load_by_name", [NAME, 5, GRAPH + 1], INVALID_ARGUMENT)
        .call("load_by_name", [Window(0), N(5), N(GRAPH)], NOT_FOUND)
        .call("load_by_name", [N(NAME), N(5), Window(0)], INVALID_ARGUMENT)
        .open();
    for nowhere in NOWHERE {
        script = script
            .call("context", [At(GRAPH), N(nowhere)], INVALID_ARGUMENT)
            .call("set_input", [At(CONTEXT), N(0), N(nowhere)], INVALID_ARGUMENT)
            .tensor(&[1, 4], F32, nowhere, 16)
            .set_input(INVALID_ARGUMENT)
            .tensor(&[1, 4], F32, INPUT, 16)
            .store(TENSOR, nowhere)
            .set_input(INVALID_ARGUMENT);
    }
    script = script.doubles([4.0, 3.0, 2.0, 1.0]);
    for nowhere in NOWHERE {
        let written = [At(CONTEXT), N(0), N(OUTPUT), N(16), N(nowhere)];
        script =
            script.get_output(nowhere, 16, INVALID_ARGUMENT).call("get_output", written, INVALID_ARGUMENT);
    }
    script
        .call("get_output", [At(CONTEXT), N(0), N(OUTPUT), N(16), N(WRITTEN + 2)], INVALID_ARGUMENT)
        // The length would lie in the middle of the output.
        .call("get_output", [At(CONTEXT), N(0), N(OUTPUT), N(16), N(OUTPUT + 4)], INVALID_ARGUMENT)
        .outputs([8.0, 6.0, 4.0, 2.0])
        // More room than there is memory is no fault as long as what is written fits.
        .get_output(OUTPUT, u32::MAX, SUCCESS)
        .get_output(OUTPUT, 15, TOO_LARGE)
        .get_output(OUTPUT, 0, TOO_LARGE)
        .outputs([8.0, 6.0, 4.0, 2.0])
        .passes(Some(model(&models::double(), engine)));
}

fn handles_beyond(engine: &str) {
    let mut script = script().four([1.0; 4]);
    for handle in [0, 1, 7, 8, u32::MAX] {
        script = script
            .call("context", [handle, CONTEXT], INVALID_ARGUMENT)
            .call("set_input", [handle, 0, TENSOR], INVALID_ARGUMENT)
            .call("compute", [handle], INVALID_ARGUMENT)
            .call("get_output", [handle, 0, OUTPUT, 16, WRITTEN], INVALID_ARGUMENT);
    }
    script = script.open().doubles([1.0; 4]);
    for index in [1, 2, u32::MAX] {
        script = script.call("set_input", [At(CONTEXT), N(index), N(TENSOR)], INVALID_ARGUMENT).call(
            "get_output",
            [At(CONTEXT), N(index), N(OUTPUT), N(16), N(WRITTEN)],
            INVALID_ARGUMENT,
        );
    }
    for _ in 1..8 {
        script = script.call("context", [At(GRAPH), N(CONTEXT)], SUCCESS);
    }
    script
        .call("context", [At(GRAPH), N(CONTEXT)], BUSY)
        .doubles([5.0; 4])
        .passes(Some(model(&models::double(), engine)));
}

fn tensors_that_do_not_fit(engine: &str) {
    let dims_len = |len: u32| script_with_dims_len(len);
    let mut script = dims_len(u32::MAX);
    for (dims, kind, len) in [
        (&[1, 4][..], U8, 4),
        (&[1, 4], 0, 8),
        (&[1, 4], 2, 32),
        (&[1, 4], 4, 16),
        (&[1, 4], 5, 32),
        (&[1, 4], 6, 16),
        (&[1, 4], 255, 16),
        (&[1, 4], F32, 15),
        (&[1, 4], F32, 17),
        (&[1, 4], F32, 0),
        (&[1, 4], F32, u32::MAX),
        (&[4], F32, 16),
        (&[4, 1], F32, 16),
        (&[1, 1, 4], F32, 16),
        (&[1, 5], F32, 20),
        (&[1, 0], F32, 0),
        (&[], F32, 4),
        (&[u32::MAX, u32::MAX], F32, 16),
        (&[1 << 31, 2], F32, 0),
        (&[1, 1, 1, 1, 1, 1, 1, 1, 4], F32, 16),
    ] {
        script = script.tensor(dims, kind, INPUT, len).set_input(INVALID_ARGUMENT);
    }
    script.compute(INVALID_ARGUMENT).doubles([1.0; 4]).passes(Some(model(&models::double(), engine)));
}

fn script_with_dims_len(len: u32) -> Script {
    script().open().four([1.0; 4]).store(TENSOR + 4, len).set_input(INVALID_ARGUMENT)
}

/// The tensor window may be read from, never written to, neither whole nor in part.
fn read_only_windows(engine: &str) {
    let nine = 9.0_f32.to_bits();
    script()
        .open()
        .tensor(&[10, 20], U8, Window(0), 200)
        .set_input(SUCCESS)
        .compute(SUCCESS)
        .get_output(OUTPUT, 800, SUCCESS)
        .holds(OUTPUT, nine)
        .holds(OUTPUT + 796, nine)
        .get_output(Window(0), 800, INVALID_ARGUMENT)
        .get_output(Window(65_536 - 800), 800, INVALID_ARGUMENT)
        .get_output(Window(0_u32.wrapping_sub(400)), 800, INVALID_ARGUMENT)
        .call("get_output", [At(CONTEXT), N(0), N(OUTPUT), N(800), Window(4)], INVALID_ARGUMENT)
        .call("context", [At(GRAPH), Window(8)], INVALID_ARGUMENT)
        // Half own memory, half window.
        .tensor(&[10, 20], U8, Window(0_u32.wrapping_sub(100)), 200)
        .set_input(INVALID_ARGUMENT)
        .tensor(&[10, 20], U8, Window(65_536 - 100), 200)
        .set_input(INVALID_ARGUMENT)
        .raw("(call $check (i32.const 99) (i32.load (global.get $window)) (i32.const 0x09090909))")
        .passes(Some(model(&models::pixels(), engine)));
}

fn numbers_that_are_none(engine: &str) {
    let all = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX];
    script()
        .open()
        .four(all)
        .set_input(SUCCESS)
        .compute(SUCCESS)
        .get_output(OUTPUT, 16, SUCCESS)
        .holds(OUTPUT + 4, f32::INFINITY.to_bits())
        .holds(OUTPUT + 8, f32::NEG_INFINITY.to_bits())
        .holds(OUTPUT + 12, f32::INFINITY.to_bits())
        .doubles([1.0; 4])
        .passes(Some(model(&models::double(), engine)));
}
