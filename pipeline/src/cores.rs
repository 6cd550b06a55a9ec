//! How workers and the threads of inference engines share the cores: workers x threads = cores, also with several
//! cameras, because there is one pool of workers for all of them.

use crate::config::{Config, Count, ModelRef, Performance};

/// Sizes of the pools, and threads of the models that leave it to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Plan {
    /// Workers of the pool.
    workers: usize,
    threads: usize,
    /// Workers of the pool for those who ask for latency; 0 if they use the other one.
    latency_workers: usize,
    latency_threads: usize,
}

/// Sets the sizes of the pools, and the threads of each model.
pub(crate) fn share(config: &mut Config) {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let models: Vec<Option<&ModelRef>> =
        config.cameras.iter().map(|camera| camera.analyze.model.as_ref()).collect();
    let plan = plan(cores, config.workers, &models);
    gstedgevision::set_default_workers(plan.workers);
    gstedgevision::set_latency_workers(plan.latency_workers);
    for model in config.cameras.iter_mut().filter_map(|camera| camera.analyze.model.as_mut()) {
        let threads = model.threads.or(|| match model.performance {
            Performance::Throughput => plan.threads,
            Performance::Latency => plan.latency_threads,
        });
        model.threads = Count::Exactly(u32::try_from(threads).unwrap_or(u32::MAX));
    }
}

/// One model per camera, `None` for a camera without.
fn plan(cores: usize, workers: Count, models: &[Option<&ModelRef>]) -> Plan {
    if let Count::Exactly(workers) = workers {
        let workers = workers as usize;
        let threads = (cores / workers).max(1);
        return Plan { workers, threads, latency_workers: 0, latency_threads: threads };
    }
    let is_quick =
        |model: &&Option<&ModelRef>| model.is_some_and(|model| model.performance == Performance::Latency);
    let quick = models.iter().filter(is_quick).count();
    // Both kinds: each gets half, so that neither waits for the other.
    let latency_threads = if quick == models.len() { cores } else { (cores / 2).max(1) };
    let rest = if quick == 0 { cores } else { cores.saturating_sub(latency_threads).max(1) };
    let asked = models.iter().filter(|model| !is_quick(model)).flatten().map(|model| model.threads.or(|| 1));
    let workers = (rest / asked.max().unwrap_or(1)).max(1);
    Plan { workers, threads: (rest / workers).max(1), latency_workers: 1, latency_threads }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(performance: Performance, threads: Count) -> ModelRef {
        ModelRef { performance, threads, ..ModelRef::default() }
    }

    #[test]
    fn workers_times_threads_are_the_cores() {
        let many = model(Performance::Throughput, Count::Auto);
        let quick = model(Performance::Latency, Count::Auto);
        let wide = model(Performance::Throughput, Count::Exactly(4));
        let plan = |cores, workers, models: &[&ModelRef]| {
            let models: Vec<_> = models.iter().map(|model| Some(*model)).collect();
            let Plan { workers, threads, latency_workers, latency_threads } = plan(cores, workers, &models);
            ((workers, threads), (latency_workers, latency_threads))
        };
        // However many cameras there are.
        assert_eq!(plan(8, Count::Auto, &[&many]).0, (8, 1));
        assert_eq!(plan(8, Count::Auto, &[&many, &many, &many]).0, (8, 1));
        assert_eq!(plan(8, Count::Auto, &[&quick, &quick]).1, (1, 8));
        // Both kinds.
        assert_eq!(plan(8, Count::Auto, &[&quick, &many]), ((4, 1), (1, 4)));
        assert_eq!(plan(1, Count::Auto, &[&quick, &many]), ((1, 1), (1, 1)));
        // What the user says holds, and the rest follows.
        assert_eq!(plan(8, Count::Auto, &[&wide]).0, (2, 4));
        assert_eq!(plan(8, Count::Auto, &[&wide, &many]).0, (2, 4));
        assert_eq!(plan(2, Count::Auto, &[&wide]).0, (1, 2));
        assert_eq!(plan(8, Count::Exactly(2), &[&many, &quick]), ((2, 4), (0, 4)));
        assert_eq!(plan(2, Count::Exactly(16), &[&many]).0, (16, 1));
    }

    #[test]
    fn cameras_without_a_model_use_the_cores_too() {
        let quick = model(Performance::Latency, Count::Auto);
        assert_eq!(plan(8, Count::Auto, &[None]).workers, 8);
        assert_eq!(plan(8, Count::Auto, &[None, Some(&quick)]).workers, 4);
    }
}
