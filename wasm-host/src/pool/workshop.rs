//! The analyzers of one factory: made when first needed, kept for the next frame, never more than allowed.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use super::quarantine::{Admission, Quarantine, QuarantineRules};
use crate::analysis::{Analyzer, AnalyzerFactory};

/// Owns the analyzers of one lane and one factory, and knows whether they are quarantined. A lane gets a new one when its factory is swapped; the old one
/// goes with the last frame that was submitted under it.
pub(crate) struct Workshop {
    factory: Arc<dyn AnalyzerFactory>,
    limit: usize,
    bench: Mutex<Bench>,
    quarantine: Mutex<Quarantine>,
}

#[derive(Default)]
struct Bench {
    idle: Vec<Box<dyn Analyzer>>,
    leased: usize,
}

/// The right to use one analyzer, and the analyzer once there is one. Goes back to the workshop on drop.
pub(crate) struct Lease {
    workshop: Arc<Workshop>,
    analyzer: Option<Box<dyn Analyzer>>,
}

impl Workshop {
    pub fn new(factory: Arc<dyn AnalyzerFactory>, workers: usize, rules: QuarantineRules) -> Arc<Self> {
        let limit = factory.max_instances().clamp(1, workers.max(1));
        let quarantine = Mutex::new(Quarantine::new(rules));
        Arc::new(Self { factory, limit, bench: Mutex::default(), quarantine })
    }

    /// Why a frame would not be analysed now.
    pub fn refusal(&self) -> Option<String> {
        self.quarantine().refusal(Instant::now())
    }

    /// Decides on a frame for which there is a lease.
    pub fn admit(&self) -> Admission {
        self.quarantine().admit(Instant::now())
    }

    /// Takes note of an admitted frame's result; true when a quarantine begins.
    pub fn report(&self, admission: Admission, failure: Option<&str>) -> bool {
        self.quarantine().report(Instant::now(), admission, failure)
    }

    pub fn set_rules(&self, rules: QuarantineRules) {
        self.quarantine().set_rules(rules);
    }

    /// Most analyzers that exist at once.
    pub fn limit(&self) -> usize {
        self.limit
    }

    pub fn has_room(&self) -> bool {
        self.bench().leased < self.limit
    }

    /// Takes an idle analyzer, or the right to build one.
    pub fn lease(self: &Arc<Self>) -> Option<Lease> {
        let mut bench = self.bench();
        if bench.leased >= self.limit {
            return None;
        }
        bench.leased += 1;
        Some(Lease { workshop: self.clone(), analyzer: bench.idle.pop() })
    }

    /// Takes the right to build one more; `None` when there are as many as allowed.
    pub fn lease_unbuilt(self: &Arc<Self>) -> Option<Lease> {
        let mut bench = self.bench();
        if bench.leased + bench.idle.len() >= self.limit {
            return None;
        }
        bench.leased += 1;
        Some(Lease { workshop: self.clone(), analyzer: None })
    }

    fn quarantine(&self) -> MutexGuard<'_, Quarantine> {
        // Nothing that can panic runs under this lock.
        self.quarantine.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn bench(&self) -> MutexGuard<'_, Bench> {
        // Nothing that can panic runs under this lock.
        self.bench.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lease {
    /// The analyzer, built now if there is none. The text says why that failed.
    pub fn analyzer(&mut self) -> Result<&mut dyn Analyzer, String> {
        let built = match self.analyzer.take() {
            Some(analyzer) => analyzer,
            None => self.workshop.factory.build()?,
        };
        Ok(self.analyzer.insert(built).as_mut())
    }

    /// Where the analyzer belongs.
    pub fn workshop(&self) -> Arc<Workshop> {
        self.workshop.clone()
    }

    /// Takes the analyzer out so that it does not go back.
    pub fn take(&mut self) -> Option<Box<dyn Analyzer>> {
        self.analyzer.take()
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut bench = self.workshop.bench();
        bench.leased -= 1;
        bench.idle.extend(self.analyzer.take());
    }
}
