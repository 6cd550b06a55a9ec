//! What is taken from the cache, and above all what is not.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
};

use super::*;
use crate::engine::engine;

const WAT: &str = r#"(module (func (export "answer") (result i32) (i32.const 42)))"#;

struct Cache {
    _folder: tempfile::TempDir,
    path: PathBuf,
    directory: Directory,
    wasm: Vec<u8>,
}

impl Cache {
    /// A cache that holds one compiled module.
    fn filled() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("edgevision/modules");
        let directory = Directory::open(&path).unwrap();
        let cache = Self { _folder: folder, path, directory, wasm: wat::parse_str(WAT).unwrap() };
        assert_eq!(cache.load(), Origin::Compiler, "an empty cache");
        cache
    }

    /// Loads the module, shows that it works, and tells where it came from.
    fn load(&self) -> Origin {
        let (module, origin): (Module, _) = compile_with(&self.directory, engine(), &self.wasm).unwrap();
        let mut store = wasmtime::Store::new(engine(), ());
        store.set_epoch_deadline(1000);
        let instance = wasmtime::Instance::new(&mut store, &module, &[]).unwrap();
        let answer = instance.get_typed_func::<(), i32>(&mut store, "answer").unwrap();
        assert_eq!(answer.call(&mut store, ()).unwrap(), 42);
        origin
    }

    fn file(&self) -> PathBuf {
        self.path.join(file_name(&key(engine(), &self.wasm)))
    }
}

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn the_second_load_comes_from_the_cache() {
    let cache = Cache::filled();
    assert_eq!(cache.load(), Origin::Cache);
    assert_eq!(fs::metadata(cache.file()).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::metadata(&cache.path).unwrap().permissions().mode() & 0o777, 0o700);
    assert_eq!(fs::read_dir(&cache.path).unwrap().count(), 1, "no draft is left behind");
}

#[test]
fn other_bytes_have_another_key() {
    let cache = Cache::filled();
    let other = wat::parse_str("(module)").unwrap();
    assert_ne!(key(engine(), &cache.wasm), key(engine(), &other));
    let plain = Engine::default();
    assert_ne!(key(engine(), &cache.wasm), key(&plain, &cache.wasm), "other settings");
}

#[test]
fn a_file_that_is_not_as_we_wrote_it_is_compiled_again_and_replaced() {
    type Damage = fn(&Path);
    let damages: [(&str, Damage); 7] = [
        ("one byte of the code changed", |file| {
            let mut bytes = fs::read(file).unwrap();
            let last = bytes.len() - 1;
            bytes[last] ^= 1;
            fs::write(file, bytes).unwrap();
        }),
        ("truncated", |file| fs::OpenOptions::new().write(true).open(file).unwrap().set_len(1000).unwrap()),
        ("empty", |file| fs::write(file, "").unwrap()),
        ("writable for the group", |file| chmod(file, 0o620)),
        ("writable for all", |file| chmod(file, 0o602)),
        ("a symbolic link", |file| {
            let aside = file.with_extension("aside");
            fs::rename(file, &aside).unwrap();
            symlink(aside, file).unwrap();
        }),
        ("a second hard link", |file| fs::hard_link(file, file.with_extension("second")).unwrap()),
    ];
    for (name, damage) in damages {
        let cache = Cache::filled();
        damage(&cache.file());
        assert_eq!(cache.load(), Origin::Compiler, "{name}");
        assert_eq!(cache.load(), Origin::Cache, "{name}: replaced by a good one");
    }
}

#[test]
fn a_pipe_in_the_place_of_a_file_does_not_hang() {
    let cache = Cache::filled();
    fs::remove_file(cache.file()).unwrap();
    rustix::fs::mknodat(rustix::fs::CWD, cache.file(), rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    assert_eq!(cache.load(), Origin::Compiler);
}

#[test]
fn a_valid_entry_under_another_name_is_not_taken() {
    let cache = Cache::filled();
    let other = wat::parse_str("(module)").unwrap();
    fs::copy(cache.file(), cache.path.join(file_name(&key(engine(), &other)))).unwrap();
    let (_, origin): (Module, _) = compile_with(&cache.directory, engine(), &other).unwrap();
    assert_eq!(origin, Origin::Compiler);
}

#[test]
fn folders_that_others_may_enter_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    for mode in [0o750, 0o705, 0o777] {
        chmod(folder.path(), mode);
        let error = Directory::open(folder.path()).unwrap_err();
        assert_eq!(error.to_string(), "others may enter it", "{mode:o}");
    }
    chmod(folder.path(), 0o700);
    Directory::open(folder.path()).unwrap();
}

#[test]
fn links_and_files_are_no_folders() {
    let folder = tempfile::tempdir().unwrap();
    let (real, link, file) =
        (folder.path().join("real"), folder.path().join("link"), folder.path().join("file"));
    Directory::open(&real).unwrap();
    symlink(&real, &link).unwrap();
    fs::write(&file, "").unwrap();
    Directory::open(&link).unwrap_err();
    Directory::open(&file).unwrap_err();
}

#[test]
fn what_belongs_to_another_user_is_refused() {
    let cache = Cache::filled();
    // Only root can give a file away; for others there is nothing to see here.
    if std::os::unix::fs::chown(cache.file(), Some(65534), None).is_err() {
        println!("skipped: not root");
        return;
    }
    assert_eq!(cache.load(), Origin::Compiler);
    std::os::unix::fs::chown(&cache.path, Some(65534), None).unwrap();
    assert_eq!(Directory::open(&cache.path).unwrap_err().to_string(), "it belongs to another user");
}

#[test]
fn the_oldest_files_make_room() {
    let folder = tempfile::tempdir().unwrap();
    let directory = Directory::open(&folder.path().join("modules")).unwrap();
    let path = |number: u32| folder.path().join(format!("modules/{number:064x}.cwasm"));
    let foreign = folder.path().join("modules/filter.cwasm");
    fs::write(&foreign, "not of this cache").unwrap();
    for number in 0..70_u32 {
        directory.write(&format!("{number:064x}.cwasm"), b"x").unwrap();
    }
    let exists = |number: u32| path(number).exists();
    assert_eq!((0..70).filter(|number| exists(*number)).count(), 64);
    assert!(exists(69), "the newest stays");
    assert!(foreign.exists(), "so does what the cache has not written");
}

#[test]
fn a_directory_that_cannot_be_written_costs_nothing_but_time() {
    let cache = Cache::filled();
    fs::remove_dir_all(&cache.path).unwrap();
    assert_eq!(cache.load(), Origin::Compiler);
}
