//! One module that turns frames into frames: masks, corrections.

use std::{sync::Arc, time::Duration};

use crate::{
    analysis::Status,
    arena::Slot,
    frame::{Frame, FrameLayout},
    imports::needs_model,
    instance::{Blueprint, FrameFilter, StageSetup},
    job::{Limits, Stage, check_limits, params_of},
    module::Role,
};

/// A module of the role *filter*, ready to run. It has one instance, which sees the frames in the order of the calls;
/// after a trap, a missed deadline or a broken rule the next call gets a new one.
pub struct Filter {
    stage: Stage,
    filter: FrameFilter,
}

/// Why a frame has no output.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct FilterFailure {
    /// `Timeout` or `Trapped`; the latter also for a module that says no in an orderly way.
    pub status: Status,
    /// One sentence: module, frame, what happened.
    pub message: String,
}

impl Filter {
    /// Starts the module. `camera` names the stream in log lines of the module; it may be empty. Of the limits,
    /// `detections` is of no meaning. The error is one sentence for the user: the wrong role, a model that a filter
    /// cannot have, or the module's own refusal of its parameters.
    pub fn new(stage: Stage, limits: Limits, camera: &str) -> Result<Filter, String> {
        check_limits(&limits)?;
        let info = stage.module.info();
        if let Some(misfit) = info.misfit(Role::Filter) {
            return Err(misfit);
        }
        // A module with several roles may ask for a model in another one; as a filter it does without.
        if needs_model(&info.imports) && info.roles == [Role::Filter] {
            return Err(format!(
                "module {} runs a model, which a filter cannot have; choose another",
                info.name
            ));
        }
        let blueprint = Blueprint::new(StageSetup {
            module: &stage.module,
            camera,
            params: parameter_document(&stage)?,
            limits,
            model: None,
        })?;
        Ok(Filter { filter: FrameFilter::start(blueprint)?, stage })
    }

    /// What it was made from.
    pub fn stage(&self) -> &Stage {
        &self.stage
    }

    /// Fills `slot`, laid out as `layout` says, from `frame`; how long the module took. `slot` must be of an arena for
    /// filters, and `layout` must have the format, size and colour of the frame. What the module does not write stays
    /// as it was in the slot; after a failure all of it may be anything.
    pub fn run(
        &mut self,
        frame: &Frame,
        slot: &mut Slot,
        layout: &FrameLayout,
    ) -> Result<Duration, FilterFailure> {
        let checked = check_output(frame, slot, layout);
        checked.map_err(|why| FilterFailure {
            status: Status::Trapped,
            message: format!("frame {}: {why}", frame.seq),
        })?;
        let outcome = self.filter.run(frame, slot, layout);
        outcome.map_err(|failure| FilterFailure { status: failure.status, message: failure.message })
    }
}

fn check_output(frame: &Frame, slot: &Slot, layout: &FrameLayout) -> Result<(), String> {
    if !slot.arena().is_for_filters() {
        return Err("its output lies in an arena that modules cannot write".into());
    }
    let what = |layout: &FrameLayout| (layout.format(), layout.width(), layout.height(), layout.color());
    let (input, output) = (what(&frame.layout), what(layout));
    if input != output {
        return Err(format!("it is {input:?}, its output {output:?}; a filter changes neither"));
    }
    Ok(())
}

/// The document of [`edgevision_abi::PARAMS_ENVELOPE`], without model and labels.
fn parameter_document(stage: &Stage) -> Result<Arc<[u8]>, String> {
    let document = serde_json::json!({
        "params": params_of(stage)?,
        "model": null,
        "labels": 0,
        "score_threshold": 0.0,
    });
    Ok(document.to_string().into_bytes().into())
}
