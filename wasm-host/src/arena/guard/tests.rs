//! What the guard absorbs and, in processes of their own, what it passes on.

use std::{
    os::unix::process::ExitStatusExt,
    process::{Command, ExitStatus},
};

use rustix::mm::ProtFlags;

use super::{super::map::Mapping, *};

#[test]
fn there_is_room_for_any_number_of_windows() {
    let page = rustix::param::page_size();
    let range = Mapping::reserve(1000 * page).unwrap();
    range.clear(0, range.len(), ProtFlags::READ).unwrap();
    install();
    let watches: Vec<_> =
        (0..1000).map(|index| Watch::new(range.base().addr() + index * page, page)).collect();
    for index in [0, 127, 128, 999] {
        // SAFETY: a read-only page of our own; the guard makes it writable.
        unsafe { range.base().add(index * page + 5).write_volatile(1) };
        let poisoned: Vec<_> = (0..1000).filter(|other| watches[*other].take_poisoned()).collect();
        assert_eq!(poisoned, [index]);
    }
}

/// Names the scene that `scene_in_a_process_of_its_own` plays.
const SCENE: &str = "EDGEVISION_TEST_GUARD_SCENE";

/// Plays a scene in a new process of this test binary.
fn play(scene: &str) -> ExitStatus {
    let mut process = Command::new(std::env::current_exe().unwrap());
    let this = "arena::guard::tests::scene_in_a_process_of_its_own";
    process.args(["--exact", this, "--nocapture", "--test-threads=1"]).env(SCENE, scene);
    process.output().unwrap().status
}

extern "C" fn exit_42(_: libc::c_int, info: *mut libc::siginfo_t, _: *mut libc::c_void) {
    // SAFETY: the kernel gives a valid siginfo, handed on by the guard.
    let address_was_passed = unsafe { (*info).si_addr().addr() } == 16;
    // SAFETY: `_exit` is async-signal-safe.
    unsafe { libc::_exit(if address_was_passed { 42 } else { 1 }) };
}

extern "C" fn exit_43(_: libc::c_int) {
    // SAFETY: `_exit` is async-signal-safe.
    unsafe { libc::_exit(43) };
}

fn set_handler(handler: libc::sighandler_t, flags: libc::c_int) {
    let mut action = empty_action();
    action.sa_sigaction = handler;
    action.sa_flags = flags;
    // SAFETY: a valid action for a process that lives for this scene only.
    assert_eq!(unsafe { libc::sigaction(libc::SIGSEGV, &raw const action, ptr::null_mut()) }, 0);
}

fn fault() {
    // SAFETY: deliberately not: this process is made to die of it.
    unsafe { ptr::without_provenance_mut::<u8>(16).write_volatile(1) };
}

fn send() {
    // SAFETY: sends a signal to this thread.
    assert_eq!(unsafe { libc::raise(libc::SIGSEGV) }, 0);
}

/// Not a test of its own: does nothing unless it is started by `play`.
#[test]
fn scene_in_a_process_of_its_own() {
    let Ok(scene) = std::env::var(SCENE) else { return };
    let (before, what) = scene.split_once(' ').unwrap();
    match before {
        "default" => set_handler(libc::SIG_DFL, 0),
        "ignore" => set_handler(libc::SIG_IGN, 0),
        "siginfo" => set_handler((exit_42 as *const ()).addr(), libc::SA_SIGINFO),
        "plain" => set_handler((exit_43 as *const ()).addr(), 0),
        other => panic!("{other}"),
    }
    // With wasmtime's handler in front, as in life.
    crate::engine::engine();
    if what == "fault" {
        fault()
    } else {
        send()
    }
    // SAFETY: ends this process without the test harness's own exit code.
    unsafe { libc::_exit(7) };
}

#[test]
fn faults_that_are_nobodys_go_to_whoever_was_there_before() {
    let died = |scene: &str| play(scene).signal();
    let exited = |scene: &str| play(scene).code();
    assert_eq!(died("default fault"), Some(libc::SIGSEGV));
    assert_eq!(died("default send"), Some(libc::SIGSEGV));
    assert_eq!(died("ignore fault"), Some(libc::SIGSEGV), "the kernel does not let a fault be ignored");
    assert_eq!(exited("ignore send"), Some(7));
    assert_eq!(exited("siginfo fault"), Some(42));
    assert_eq!(exited("plain fault"), Some(43));
    assert_eq!(exited("plain send"), Some(43));
}
