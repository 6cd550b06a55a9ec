//! Other modules, models and parameters while frames flow.
//!
//! ```text
//!  properties ──► needs other modules? ─no──────────────────────► pending ──► the next frame (sink.rs)
//!                      └─yes─► a thread loads them aside ─────────►
//!                                └─ fails: a warning; the old ones go on
//! ```
//!
//! One change is made at a time. What is asked for meanwhile is remembered and done together afterwards.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Condvar, Mutex, PoisonError, Weak},
    thread,
};

use gst::{glib, prelude::*, subclass::prelude::*};

use super::{
    imp::{CAT, EvDetect},
    load::{self, Loaded},
    running::Running,
    settings::Settings,
};
use crate::glue::lock;

/// Which of the properties are to take effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Those that can always be had with the present modules. Others may be wrong: they were refused before.
    Live,
    /// All that may change while frames flow.
    All,
}

/// Lets one change in at a time.
#[derive(Default)]
pub struct Swapper {
    state: Mutex<State>,
    idle: Condvar,
}

#[derive(Default)]
struct State {
    busy: bool,
    wanted: Option<Scope>,
}

impl Swapper {
    /// True when the caller may go on; else who is busy will see to it.
    fn begin(&self, scope: Scope) -> bool {
        let mut state = lock(&self.state);
        if state.busy {
            state.wanted = state.wanted.max(Some(scope));
            return false;
        }
        state.busy = true;
        true
    }

    /// Waits for its turn.
    fn begin_after_others(&self) {
        let mut state = lock(&self.state);
        while state.busy {
            state = self.idle.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        // What was asked for is part of what the caller is about to do.
        *state = State { busy: true, wanted: None };
    }

    /// What was asked for meanwhile; if nothing, somebody else may begin.
    fn next(&self) -> Option<Scope> {
        let mut state = lock(&self.state);
        let wanted = state.wanted.take();
        state.busy = wanted.is_some();
        if !state.busy {
            self.idle.notify_one();
        }
        wanted
    }
}

/// What is to be loaded, and for whom.
struct Request {
    settings: Settings,
    camera: Arc<str>,
    /// Whose files need not be read again.
    known: Option<Arc<Loaded>>,
    running: Weak<Running>,
}

impl Request {
    /// A panic is an error, too: who waits for the turn must get it.
    fn load(&self) -> Result<Loaded, String> {
        let load = || load::load(self.settings.clone(), self.camera.clone(), self.known.as_deref());
        catch_unwind(AssertUnwindSafe(load)).unwrap_or_else(|_| {
            Err("loading panicked, which is a fault of the host; please report it".into())
        })
    }
}

impl EvDetect {
    /// Properties have changed, all of them at once as far as the user said so (`g_object_set` with several, or
    /// between freezing and thawing notifications).
    pub(super) fn settings_changed(&self, names: &[&str]) {
        let Some(scope) = names.iter().filter_map(|name| Settings::scope(name)).max() else { return };
        if self.running().is_some() && self.swapper.begin(scope) {
            self.change(scope);
        }
    }

    /// Does what can be done at once and leaves the rest to a thread. The caller has begun.
    fn change(&self, first: Scope) {
        let mut refused = Vec::new();
        let mut next = Some(first);
        while let Some(scope) = next {
            match self.retune(scope) {
                Ok(Some(request)) => {
                    refused.extend(self.load_aside(request));
                    break;
                }
                Ok(None) => (),
                Err(sentence) => refused.push(sentence),
            }
            next = self.swapper.next();
        }
        refused.iter().for_each(|sentence| self.warn_not_changed(sentence));
    }

    /// Changes what needs no other modules; else says what has to be loaded. The error is a sentence for the user.
    fn retune(&self, scope: Scope) -> Result<Option<Request>, String> {
        let Some(running) = self.running() else { return Ok(None) };
        let latest = running.latest();
        let settings = self.settings().for_running(&latest.settings, scope);
        if settings == latest.settings {
            return Ok(None);
        }
        let retuned = match latest.retuned(&settings) {
            Ok(Some(loaded)) => Ok(loaded),
            Ok(None) => {
                let camera = latest.camera.clone();
                let running = Arc::downgrade(&running);
                return Ok(Some(Request { settings, camera, known: Some(latest), running }));
            }
            Err(sentence) => Err(sentence),
        };
        self.hand_in(&running, retuned).map(|()| None)
    }

    /// Spawns the thread that has the turn from now on. A sentence for the user if there is none.
    fn load_aside(&self, request: Request) -> Option<String> {
        gst::debug!(CAT, imp = self, "loading aside: {:?}", request.settings);
        let element = self.obj().downgrade();
        let body = move || {
            // The element may be gone when this is done: only the request is held meanwhile.
            let result = request.load();
            let Some(element) = element.upgrade() else { return };
            let imp = element.imp();
            let handed_in = imp.hand_in_for(&request.running, result);
            imp.end_turn();
            if let Err(sentence) = handed_in {
                imp.warn_not_changed(&sentence);
            }
        };
        let spawned = thread::Builder::new().name("ev-loader".into()).spawn(body);
        spawned.err().map(|error| {
            // Nothing is asked for twice: a machine without threads has other troubles.
            self.swapper.next();
            format!("no thread could be started ({error})")
        })
    }

    /// Does what was asked for meanwhile, or lets somebody else begin.
    fn end_turn(&self) {
        if let Some(scope) = self.swapper.next() {
            self.change(scope);
        }
    }

    /// Reads all files again and loads what they hold now, for the action signal `reload`.
    pub(super) fn reload(&self) -> bool {
        self.swapper.begin_after_others();
        let done = self.reload_now();
        self.end_turn();
        done.unwrap_or_else(|sentence| {
            self.warn_not_changed(&sentence);
            false
        })
    }

    fn reload_now(&self) -> Result<bool, String> {
        let Some(camera) = self.loaded().map(|loaded| loaded.camera.clone()) else { return Ok(false) };
        let Some(running) = self.running() else {
            self.set_loaded(Arc::new(load::load(self.settings(), self.camera(), None)?));
            return Ok(true);
        };
        let settings = self.settings().for_running(&running.latest().settings, Scope::All);
        let request = Request { settings, camera, known: None, running: Arc::downgrade(&running) };
        drop(running);
        self.hand_in_for(&request.running, request.load())
    }

    /// False when what it was loaded for is over.
    fn hand_in_for(&self, running: &Weak<Running>, result: Result<Loaded, String>) -> Result<bool, String> {
        let current = self.running().filter(|current| std::ptr::eq(Arc::as_ptr(current), running.as_ptr()));
        current.map_or(Ok(false), |running| self.hand_in(&running, result).map(|()| true))
    }

    /// Gives back why nothing changes. The caller tells the user, after it has let others begin: a handler of the
    /// message may ask for a reload, which waits for its turn.
    fn hand_in(&self, running: &Running, result: Result<Loaded, String>) -> Result<(), String> {
        let loaded = Arc::new(result.inspect_err(|_| running.counters.swap_failed())?);
        gst::info!(CAT, imp = self, "from the next frame on: {}", loaded.summary());
        self.set_loaded(loaded.clone());
        running.change_at_next_frame(loaded);
        Ok(())
    }

    fn warn_not_changed(&self, sentence: &str) {
        let details = gst::Structure::builder("edgevision-swap-failed").field("reason", sentence).build();
        gst::element_imp_warning!(
            self,
            gst::ResourceError::Settings,
            ("{sentence}; the modules go on as they were"),
            ["properties keep what was asked for"],
            details: details
        );
    }
}

impl EvDetect {
    /// The first frame that was analysed by other modules leaves.
    pub(super) fn tell_swap(&self, seq: u64, loaded: &Loaded) {
        let structure = gst::Structure::builder("edgevision-swap")
            .field("camera", &*loaded.camera)
            .field("frame", seq)
            .field("modules", gst::Array::new(loaded.modules.iter()))
            .field_if_some("model", loaded.model.as_deref())
            .field_if_some("engine", loaded.engine_name())
            .build();
        let message = gst::message::Element::builder(structure).src(&*self.obj()).build();
        if let Err(error) = self.obj().post_message(message) {
            gst::debug!(CAT, imp = self, "swap message not posted: {error}");
        }
    }
}

/// The action signal `reload`.
pub fn reload_signal() -> glib::subclass::Signal {
    glib::subclass::Signal::builder("reload")
        .action()
        .run_last()
        .return_type::<bool>()
        .class_handler(|args| {
            let element = args.first().and_then(|element| element.get::<super::EvDetect>().ok());
            Some(element.is_some_and(|element| element.imp().reload()).to_value())
        })
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_meanwhile_is_done_once_and_whole() {
        let swapper = Swapper::default();
        assert!(swapper.begin(Scope::Live));
        assert!(!swapper.begin(Scope::All));
        assert!(!swapper.begin(Scope::Live));
        assert_eq!(swapper.next(), Some(Scope::All));
        assert!(!swapper.begin(Scope::Live), "still busy");
        assert_eq!(swapper.next(), Some(Scope::Live));
        assert_eq!(swapper.next(), None);
        swapper.begin_after_others();
        assert!(!swapper.begin(Scope::Live));
    }
}
