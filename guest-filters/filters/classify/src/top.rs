//! The most probable classes.

use crate::params::Settings;

/// Class and probability of the best ones, best first; equal ones in the order of the classes. NaN is never among them.
pub fn best(probabilities: &[f32], settings: &Settings) -> Vec<(usize, f32)> {
    let mut best: Vec<(usize, f32)> = Vec::with_capacity(settings.top_k + 1);
    for (class, &probability) in probabilities.iter().enumerate() {
        let counts = probability >= settings.score_threshold && settings.background != Some(class);
        if !counts {
            continue;
        }
        let place = best.partition_point(|(_, better)| *better >= probability);
        if place < settings.top_k {
            best.insert(place, (class, probability));
            best.truncate(settings.top_k);
        }
    }
    best
}
