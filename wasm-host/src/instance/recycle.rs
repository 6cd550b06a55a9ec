//! An instance that is rebuilt when it is needed after a failure.

use crate::nn::Session;

/// What can be started, and leaves a session behind.
pub(super) trait Recyclable: Sized {
    fn into_session(self) -> Option<Box<dyn Session>>;
}

impl Recyclable for super::Preprocess {
    fn into_session(self) -> Option<Box<dyn Session>> {
        self.into_session()
    }
}

impl Recyclable for super::Detect {
    fn into_session(self) -> Option<Box<dyn Session>> {
        self.into_session()
    }
}

impl Recyclable for super::filter::Filter {
    /// Filters have no model.
    fn into_session(self) -> Option<Box<dyn Session>> {
        None
    }
}

/// An instance, or the session that the last one left behind.
pub(super) struct Recycled<T> {
    live: Option<T>,
    session: Option<Box<dyn Session>>,
}

impl<T> Default for Recycled<T> {
    fn default() -> Self {
        Self { live: None, session: None }
    }
}

impl<T: Recyclable> Recycled<T> {
    /// The instance; started with the session of the last one if there is none.
    pub(super) fn get_or_start(
        &mut self,
        start: impl FnOnce(Option<Box<dyn Session>>) -> Result<T, String>,
    ) -> Result<&mut T, String> {
        let live = match self.live.take() {
            Some(live) => live,
            None => start(self.session.take())?,
        };
        Ok(self.live.insert(live))
    }

    pub(super) fn live(&self) -> Option<&T> {
        self.live.as_ref()
    }

    /// Ends the instance. Its memory and its windows are gone when this returns.
    pub(super) fn discard(&mut self) {
        if let Some(live) = self.live.take() {
            self.session = live.into_session();
        }
    }
}
