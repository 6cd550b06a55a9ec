//! Guests written down as a list of calls with the answers that they must get.

use std::{fmt::Write, sync::Arc, time::Duration};

use edgevision_wasm_host::{
    analysis::{Analysis, Analyzer, AnalyzerFactory},
    detection::Thresholds,
    job::{Grants, Job, JobSpec, Limits, Stage},
    module::Module,
    nn::{LoadOptions, Model, load_model},
};

use super::support::{Camera, assert_ok};

/// Error numbers of the standard.
pub const SUCCESS: u32 = 0;
pub const INVALID_ARGUMENT: u32 = 1;
pub const INVALID_ENCODING: u32 = 2;
pub const BUSY: u32 = 4;
pub const RUNTIME_ERROR: u32 = 5;
pub const UNSUPPORTED_OPERATION: u32 = 6;
pub const TOO_LARGE: u32 = 7;
pub const NOT_FOUND: u32 = 8;

/// `graph_encoding` and `tensor_type` of the standard.
pub const ONNX: u32 = 1;
pub const F32: u32 = 1;
pub const U8: u32 = 3;

/// Where scripts put things.
pub const NAME: u32 = 512;
pub const GRAPH: u32 = 600;
pub const CONTEXT: u32 = 604;
pub const WRITTEN: u32 = 608;
pub const BUILDERS: u32 = 640;
pub const TENSOR: u32 = 2048;
pub const INPUT: u32 = 2112;
pub const OUTPUT: u32 = 3072;
pub const BLOB: u32 = 16_384;

/// Class of the box that says that all answers were right.
const WELL: u32 = 7;

/// An argument.
#[derive(Clone, Copy)]
pub enum A {
    /// A number.
    N(u32),
    /// What lies at an address.
    At(u32),
    /// An address in the tensor window, which is read-only for `detect`.
    Window(u32),
}

impl From<u32> for A {
    fn from(number: u32) -> Self {
        Self::N(number)
    }
}

impl A {
    fn text(self) -> String {
        match self {
            Self::N(number) => format!("(i32.const {number})"),
            Self::At(address) => format!("(i32.load (i32.const {address}))"),
            Self::Window(offset) => format!("(i32.add (global.get $window) (i32.const {offset}))"),
        }
    }
}

/// When a script runs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    Init,
    Preprocess,
    Detect,
}

pub struct Script {
    moment: Moment,
    data: Vec<(u32, Vec<u8>)>,
    text: String,
    checks: u32,
}

/// A script that runs in `detect`.
pub fn script() -> Script {
    Script::at(Moment::Detect)
}

impl Script {
    pub fn at(moment: Moment) -> Self {
        let data = vec![(NAME, b"model".to_vec())];
        Self { moment, data, text: String::new(), checks: 0 }
    }

    /// Bytes that are in memory from the start.
    pub fn data(mut self, address: u32, bytes: &[u8]) -> Self {
        self.data.push((address, bytes.to_vec()));
        self
    }

    /// Instructions as they stand.
    pub fn raw(mut self, text: &str) -> Self {
        writeln!(self.text, "    {text}").unwrap();
        self
    }

    pub fn store(self, address: u32, value: impl Into<A>) -> Self {
        let text = format!("(i32.store (i32.const {address}) {})", value.into().text());
        self.raw(&text)
    }

    fn check(mut self, got: &str, want: u32) -> Self {
        self.checks += 1;
        let text = format!("(call $check (i32.const {}) {got} (i32.const {want}))", self.checks);
        self.raw(&text)
    }

    /// Calls a function of the standard and checks its answer.
    pub fn call<T: Into<A> + Copy, const N: usize>(
        self,
        function: &str,
        arguments: [T; N],
        want: u32,
    ) -> Self {
        let arguments: Vec<String> = arguments.iter().map(|argument| (*argument).into().text()).collect();
        self.check(&format!("(call ${function} {})", arguments.join(" ")), want)
    }

    /// Checks the four bytes at an address.
    pub fn holds(self, address: u32, want: u32) -> Self {
        self.check(&A::At(address).text(), want)
    }

    /// A tensor as the standard describes it, at `TENSOR`.
    pub fn tensor(self, dims: &[u32], kind: u32, data: impl Into<A>, len: u32) -> Self {
        let with_dims = dims
            .iter()
            .zip(0..)
            .fold(self, |script, (dim, index)| script.store(TENSOR + 32 + index * 4, *dim));
        with_dims
            .store(TENSOR, TENSOR + 32)
            .store(TENSOR + 4, dims.len() as u32)
            .store(TENSOR + 8, kind)
            .store(TENSOR + 12, data)
            .store(TENSOR + 16, len)
    }

    /// Four floats at `INPUT` as a tensor `[1, 4]`.
    pub fn four(self, values: [f32; 4]) -> Self {
        let stored = values
            .iter()
            .zip(0..)
            .fold(self, |script, (value, index)| script.store(INPUT + index * 4, value.to_bits()));
        stored.tensor(&[1, 4], F32, INPUT, 16)
    }

    /// The job's model and a context for it.
    pub fn open(self) -> Self {
        self.call("load_by_name", [NAME, 5, GRAPH], SUCCESS).call(
            "context",
            [A::At(GRAPH), A::N(CONTEXT)],
            SUCCESS,
        )
    }

    /// The bytes at `BLOB` as a model.
    pub fn load(self, bytes: &[u8], encoding: u32, want: u32) -> Self {
        self.data(BLOB, bytes).store(BUILDERS, BLOB).store(BUILDERS + 4, bytes.len() as u32).call(
            "load",
            [BUILDERS, 1, encoding, 0, GRAPH],
            want,
        )
    }

    pub fn set_input(self, want: u32) -> Self {
        self.call("set_input", [A::At(CONTEXT), A::N(0), A::N(TENSOR)], want)
    }

    pub fn compute(self, want: u32) -> Self {
        self.call("compute", [A::At(CONTEXT)], want)
    }

    pub fn get_output(self, address: impl Into<A>, capacity: u32, want: u32) -> Self {
        let arguments = [A::At(CONTEXT), A::N(0), address.into(), A::N(capacity), A::N(WRITTEN)];
        self.call("get_output", arguments, want)
    }

    /// The values at `OUTPUT`.
    pub fn outputs(self, values: [f32; 4]) -> Self {
        let script = self.holds(WRITTEN, 16);
        values
            .iter()
            .zip(0..)
            .fold(script, |script, (value, index)| script.holds(OUTPUT + index * 4, value.to_bits()))
    }

    /// One whole inference with the model that multiplies by two.
    pub fn doubles(self, values: [f32; 4]) -> Self {
        self.four(values)
            .set_input(SUCCESS)
            .compute(SUCCESS)
            .get_output(OUTPUT, 16, SUCCESS)
            .outputs(values.map(|value| value * 2.0))
    }

    fn module(&self) -> Arc<Module> {
        let escaped =
            |bytes: &[u8]| bytes.iter().fold(String::new(), |text, byte| text + &format!("\\{byte:02x}"));
        let data: String = self
            .data
            .iter()
            .map(|(address, bytes)| format!("  (data (i32.const {address}) \"{}\")\n", escaped(bytes)))
            .collect();
        let end = self.data.iter().map(|(address, bytes)| *address as usize + bytes.len()).max().unwrap_or(0);
        let at = |moment| if self.moment == moment { self.text.as_str() } else { "" };
        let text = include_str!("guest.wat")
            .replace("PAGES", &(end.div_ceil(65_536) + 1).to_string())
            .replace(";; DATA", &data)
            .replace(";; INIT", at(Moment::Init))
            .replace(";; PREPROCESS", at(Moment::Preprocess))
            .replace(";; DETECT", at(Moment::Detect));
        let bytes = wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}"));
        Module::from_bytes("script", &bytes).unwrap_or_else(|error| panic!("{error}"))
    }

    pub fn spec(&self, model: Option<Arc<dyn Model>>) -> JobSpec {
        let stage = Stage { module: self.module(), params: serde_json::Value::Null };
        JobSpec {
            preprocess: stage.clone(),
            detect: stage,
            model,
            labels: Arc::new([]),
            thresholds: Thresholds::all(0.25),
            limits: limits(),
        }
    }

    /// As [`Script::spec`], with `load` granted.
    pub fn granted(&self, model: Option<Arc<dyn Model>>) -> JobSpec {
        let spec = self.spec(model);
        JobSpec { limits: Limits { grants: Grants { load_model: true }, ..spec.limits }, ..spec }
    }

    /// Runs the script on two frames; all its answers must be right.
    #[track_caller]
    pub fn passes(&self, model: Option<Arc<dyn Model>>) {
        passes(self.spec(model));
    }

    #[track_caller]
    pub fn passes_granted(&self, model: Option<Arc<dyn Model>>) {
        passes(self.granted(model));
    }
}

/// Long enough for a busy machine; tests of deadlines set their own.
fn limits() -> Limits {
    Limits { deadline: Duration::from_secs(20), memory_bytes: 8 << 20, ..Limits::default() }
}

#[track_caller]
fn passes(spec: JobSpec) {
    let mut analyzer = Job::for_camera(spec, "line3").unwrap().build().unwrap();
    assert_ok(&one_frame(&mut *analyzer), WELL);
}

pub fn one_frame(analyzer: &mut dyn Analyzer) -> Analysis {
    let (frame, _) = Camera::new().shoot(1);
    analyzer.analyze(&frame)
}

/// A model of the config.
pub fn model(bytes: &[u8], engine: &str) -> Arc<dyn Model> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("net.onnx");
    std::fs::write(&path, bytes).unwrap();
    load_model(&path, engine, &LoadOptions::default()).unwrap_or_else(|error| panic!("{error}"))
}
