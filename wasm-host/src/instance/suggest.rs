//! Asks a detector how it would have its model used. No frame is involved, and no engine.

use std::sync::Arc;

use edgevision_abi::status;

use super::{Blueprint, Instance, Linked, state::Answer};
use crate::module::SUGGEST;

/// Starts an instance and asks it. None if it has nothing to say. The error is a sentence: usually the module's own
/// refusal of the model.
pub(crate) fn suggestion(blueprint: &Arc<Blueprint>) -> Result<Option<Vec<u8>>, String> {
    // The world of components has no such question.
    if matches!(blueprint.linked, Linked::Component(_)) {
        return Ok(None);
    }
    let mut instance = Instance::start(blueprint, None)?;
    if instance.exports.get_func(&mut instance.sandbox.store, SUGGEST).is_none() {
        return Ok(None);
    }
    instance.sandbox.store.data_mut().suggestion = Answer::Awaited;
    let code = instance.ask(SUGGEST)?;
    if code != status::OK {
        let own = instance.sandbox.store.data().call.failure.clone();
        let name = &blueprint.name;
        let reason = own.unwrap_or_else(|| format!("returned status {code} and gave no reason"));
        return Err(format!("module {name}: `{SUGGEST}`: {reason}"));
    }
    match std::mem::take(&mut instance.sandbox.store.data_mut().suggestion) {
        Answer::Told(document) => Ok(Some(document)),
        Answer::NotAsked | Answer::Awaited => Ok(None),
    }
}
