//! Changes that need no other modules: they are made without loading anything.

use std::{collections::BTreeSet, sync::Arc};

use edgevision_wasm_host::{analysis::Analysis, detection::Thresholds};

use super::{
    load::{self, Loaded},
    settings::Settings,
};

impl Loaded {
    /// The same modules under other settings; none if these settings need them to be started anew. The error is a
    /// sentence for the user.
    pub fn retuned(&self, settings: &Settings) -> Result<Option<Self>, String> {
        if settings.chain() != self.settings.chain() {
            return Ok(None);
        }
        let labels = match settings.names() == self.settings.names() {
            true => self.labels.clone(),
            false => load::labels(settings)?.into(),
        };
        let thresholds = load::thresholds(settings, &labels)?;
        // The modules were told these: how many labels there are, and below which score nobody looks.
        let fits = labels.len() == self.labels.len() && is_stricter(&thresholds, &self.job.spec().thresholds);
        Ok(fits.then(|| Self {
            settings: settings.clone(),
            camera: self.camera.clone(),
            job: self.job.clone(),
            labels,
            thresholds,
            model: self.model.clone(),
            engine: self.engine.clone(),
            modules: self.modules.clone(),
        }))
    }

    /// Whether frames of both are analysed by the same instances.
    pub fn same_job(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.job, &other.job)
    }

    /// Takes away what the modules were asked for, but is below the thresholds of now.
    pub fn strain(&self, analysis: &mut Analysis) {
        if self.thresholds != self.job.spec().thresholds {
            analysis.detections.retain(|found| found.score >= self.thresholds.of(found.class_id));
        }
    }
}

/// Whether everything that passes `new` has passed `old`.
fn is_stricter(new: &Thresholds, old: &Thresholds) -> bool {
    let classes: BTreeSet<u32> = new.per_class.keys().chain(old.per_class.keys()).copied().collect();
    new.default >= old.default && classes.into_iter().all(|class| new.of(class) >= old.of(class))
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::evdetect::load::tests::probe;

    #[test]
    fn what_the_modules_need_not_know_changes_without_them() {
        let loaded = probe("good\nbad");
        let with = |change: &dyn Fn(&mut Settings)| {
            let mut settings = loaded.settings.clone();
            change(&mut settings);
            loaded.retuned(&settings).map(|retuned| retuned.is_some())
        };
        assert_eq!(with(&|settings| settings.threshold = 0.5), Ok(true));
        assert_eq!(with(&|settings| settings.threshold = 0.1), Ok(false));
        assert_eq!(with(&|settings| settings.interval = 5), Ok(true));
        assert_eq!(with(&|settings| settings.max_failures = 0), Ok(true));
        assert_eq!(with(&|settings| settings.label_list = "fine\nugly".into()), Ok(true));
        assert_eq!(with(&|settings| settings.label_list = "fine".into()), Ok(false));
        assert_eq!(with(&|settings| settings.class_thresholds = r#"{"bad":0.9}"#.into()), Ok(true));
        assert_eq!(with(&|settings| settings.class_thresholds = r#"{"bad":0.1}"#.into()), Ok(false));
        assert!(with(&|settings| settings.class_thresholds = r#"{"ugly":0.9}"#.into()).is_err());
        assert_eq!(with(&|settings| settings.deadline_ns += 1), Ok(false));
        assert_eq!(with(&|settings| settings.preprocess_params = "{}".into()), Ok(false));
    }

    #[test]
    fn thresholds_may_rise_for_each_class() {
        let of = |default, per_class: &[(u32, f32)]| Thresholds {
            default,
            per_class: per_class.iter().copied().collect(),
        };
        let old = of(0.5, &[(1, 0.2), (2, 0.9)]);
        let table = [
            (of(0.5, &[(1, 0.2), (2, 0.9)]), true),
            (of(0.9, &[]), true),
            (of(0.6, &[]), false),
            (of(0.6, &[(2, 0.9)]), true),
            (of(0.6, &[(1, 0.1), (2, 0.9)]), false),
            (of(0.4, &[(1, 0.2), (2, 0.9)]), false),
            (of(0.5, &[(1, 0.2), (2, 0.9), (3, 0.1)]), false),
        ];
        for (new, expected) in table {
            assert_eq!(is_stricter(&new, &old), expected, "{new:?}");
        }
    }
}
