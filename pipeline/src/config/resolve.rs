//! Makes the relative input paths of a config relative to its folder. Outputs stay relative to the working directory.

use std::path::{Path, PathBuf};

use edgevision_wasm_host::lookup;

use super::{Analyze, Config, Labels, ModuleRef, Secret, Source, UserName};

pub(super) fn resolve(config: &mut Config, folder: &Path) {
    analyze(&mut config.analyze, folder);
    for camera in &mut config.cameras {
        analyze(&mut camera.analyze, folder);
        source(&mut camera.source, folder);
    }
}

fn source(source: &mut Source, folder: &Path) {
    source.uri.resolve(folder);
    source.password.iter_mut().for_each(|password| secret(password, folder));
    if let Some(UserName::Kept(user)) = &mut source.user {
        secret(user, folder);
    }
}

fn secret(secret: &mut Secret, folder: &Path) {
    if let Secret::File(path) = secret {
        rebase(path, folder);
    }
}

fn analyze(analyze: &mut Analyze, folder: &Path) {
    module(&mut analyze.preprocess, folder);
    module(&mut analyze.detect, folder);
    if let Some(model) = &mut analyze.model {
        rebase(&mut model.path, folder);
        if let Some(Labels::File(path)) = &mut model.labels {
            rebase(path, folder);
        }
    }
}

/// Names are looked up; one that is not found is left to `environment`, which says so.
fn module(module: &mut ModuleRef, folder: &Path) {
    module.path = lookup::find(&module.module, folder).unwrap_or_else(|_| folder.join(&module.module));
}

fn rebase(path: &mut PathBuf, folder: &Path) {
    *path = folder.join(&path);
}
