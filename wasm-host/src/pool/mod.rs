//! The worker pool: one for the process, fair between cameras.
//! (skeleton: owner of `pool` completes it; public signatures are fixed)

use std::sync::Arc;

use crate::{
    analysis::{Analysis, AnalyzerFactory},
    frame::{Frame, Transfer},
};

/// What happens to a frame when its camera's inbox is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DropPolicy {
    /// The oldest waiting frame passes on un-analysed ([`crate::analysis::Status::Skipped`]): live sources.
    NewestWins,
    /// The submitter waits: files.
    Block,
}

/// How a camera's frames wait.
#[derive(Clone, Copy, Debug)]
pub struct LaneOptions {
    /// Frames that may wait (not counting those being analysed), at least 1.
    pub capacity: usize,
    /// What happens when that many wait.
    pub policy: DropPolicy,
}

/// The result for one submitted frame. Exactly one is delivered for each frame that `submit` accepted,
/// unless it was discarded by [`Lane::flush`].
#[derive(Clone, Debug)]
pub struct FrameResult {
    /// The frame's number.
    pub seq: u64,
    /// How its bytes reached the worker.
    pub transfer: Transfer,
    /// What came of it.
    pub analysis: Analysis,
}

/// Why a frame was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubmitError {
    /// The lane is flushing.
    #[error("the camera is flushing")]
    Flushing,
    /// The pool is shutting down.
    #[error("the worker pool is shut down")]
    Closed,
}

/// The worker pool.
pub struct WorkerPool {}

/// One camera's way into the pool. Dropping it discards waiting frames and waits for those being analysed.
pub struct Lane {}

impl WorkerPool {
    /// Starts `workers` threads (at least 1).
    pub fn new(_workers: usize) -> Arc<Self> {
        todo!()
    }
    /// Number of worker threads.
    pub fn workers(&self) -> usize {
        todo!()
    }
    /// Opens a lane for a camera. `on_result` is called on worker threads (or, for a frame that a newer one
    /// replaced, on the submitter's) in any order; put results in order with [`Reorder`].
    pub fn lane(
        self: &Arc<Self>,
        _name: &str,
        _factory: Arc<dyn AnalyzerFactory>,
        _options: LaneOptions,
        _on_result: Box<dyn Fn(FrameResult) + Send + Sync>,
    ) -> Lane {
        todo!()
    }
}

impl Lane {
    /// Hands a frame to the pool; with [`DropPolicy::Block`] waits for room.
    pub fn submit(&self, _frame: Frame) -> Result<(), SubmitError> {
        todo!()
    }
    /// While flushing, `submit` refuses (and a blocked one returns), waiting frames are discarded without result,
    /// results of frames being analysed are discarded too.
    pub fn set_flushing(&self, _flushing: bool) {
        todo!()
    }
    /// Swaps the analyzers between two frames: frames submitted later use the new factory.
    pub fn set_factory(&self, _factory: Arc<dyn AnalyzerFactory>) {
        todo!()
    }
    /// Frames waiting plus frames being analysed.
    pub fn in_flight(&self) -> usize {
        todo!()
    }
}

pub use reorder::{Reorder, Ticket};
pub mod reorder {
    //! Puts things that are finished in any order back into the order in which they began. Pure.

    /// A place in the order.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub struct Ticket(pub u64);

    /// A queue in which places are taken first and filled later.
    pub struct Reorder<T> {
        _t: std::marker::PhantomData<T>,
    }

    impl<T> Default for Reorder<T> {
        fn default() -> Self {
            todo!()
        }
    }
    impl<T> Reorder<T> {
        /// Takes the next place, to be filled later.
        pub fn reserve(&mut self) -> Ticket {
            todo!()
        }
        /// Takes the next place and fills it at once.
        pub fn push(&mut self, _item: T) {
            todo!()
        }
        /// Fills a place. False when it was given up by [`Reorder::clear`] or is filled.
        pub fn fill(&mut self, _ticket: Ticket, _item: T) -> bool {
            todo!()
        }
        /// Takes the item at the front, if it is filled.
        pub fn pop(&mut self) -> Option<T> {
            todo!()
        }
        /// Gives up all places; the filled items come back in order.
        pub fn clear(&mut self) -> Vec<T> {
            todo!()
        }
        /// Places that are taken.
        pub fn len(&self) -> usize {
            todo!()
        }
        /// True when no place is taken.
        pub fn is_empty(&self) -> bool {
            self.len() == 0
        }
    }
}
