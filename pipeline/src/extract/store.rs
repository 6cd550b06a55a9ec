//! The folder: pictures and their manifest, each whole or not there at all.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use clap::ValueEnum;
use image::{ExtendedColorType, ImageEncoder, RgbImage, codecs};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use serde::Serialize;

use super::reader::Picked;
use crate::error::{AppError, Exit};

const MANIFEST: &str = "manifest.json";

/// How pictures are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PictureFormat {
    /// Without loss: the pixels that modules see.
    Png,
    /// Smaller, with loss.
    Jpeg,
}

impl PictureFormat {
    fn extension(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Jpeg => "jpg",
        }
    }
}

/// What all pictures have in common.
#[derive(Clone, Debug, Serialize)]
pub struct Facts {
    /// The camera's name.
    pub camera: String,
    /// The place, without credentials.
    pub source: String,
}

#[derive(Serialize)]
struct Manifest<'a> {
    #[serde(flatten)]
    facts: &'a Facts,
    format: PictureFormat,
    pixels: &'static str,
    frames: &'a [Entry],
}

/// A picture that was written.
#[derive(Debug, Serialize)]
struct Entry {
    file: String,
    /// Counted from 0.
    frame: u64,
    /// Time in the stream.
    timestamp_ns: Option<u64>,
    width: u32,
    height: u32,
}

/// An open folder.
pub struct Store {
    folder: PathBuf,
    facts: Facts,
    format: PictureFormat,
    quality: u8,
    force: bool,
    entries: Vec<Entry>,
}

impl Store {
    /// Makes the folder if it is not there.
    ///
    /// # Errors
    /// It cannot be written, or holds an extraction already and `force` is off.
    pub fn open(
        folder: &Path,
        facts: Facts,
        format: PictureFormat,
        quality: u8,
        force: bool,
    ) -> Result<Self, AppError> {
        fs::create_dir_all(folder).map_err(|error| unwritable(folder, &error))?;
        if folder.join(MANIFEST).exists() && !force {
            return Err(there(&folder.join(MANIFEST)));
        }
        let folder = folder.to_owned();
        Ok(Self { folder, facts, format, quality, force, entries: Vec::new() })
    }

    /// Writes a picture.
    pub fn save(&mut self, frame: &Picked) -> Result<(), AppError> {
        let file = self.name(frame);
        self.write(&file, &self.encode(&frame.picture)?)?;
        self.entries.push(Entry {
            file,
            frame: frame.number,
            timestamp_ns: frame.time.map(gst::ClockTime::nseconds),
            width: frame.picture.width(),
            height: frame.picture.height(),
        });
        Ok(())
    }

    /// Writes the manifest, if there is anything to tell; returns the number of pictures.
    pub fn finish(&self) -> Result<usize, AppError> {
        if !self.entries.is_empty() {
            let manifest = Manifest {
                facts: &self.facts,
                format: self.format,
                pixels: "8-bit RGB, full range; colour matrix and range as the stream states them, chroma repeated",
                frames: &self.entries,
            };
            let text = serde_json::to_string_pretty(&manifest).unwrap_or_default() + "\n";
            self.write(MANIFEST, text.as_bytes())?;
        }
        Ok(self.entries.len())
    }

    /// Sorts by frame, and tells frame and time: `line3-000150-6000ms.png`.
    fn name(&self, frame: &Picked) -> String {
        let time = frame.time.map(|time| format!("-{}ms", time.mseconds())).unwrap_or_default();
        format!("{}-{:06}{time}.{}", self.facts.camera, frame.number, self.format.extension())
    }

    fn encode(&self, picture: &RgbImage) -> Result<Vec<u8>, AppError> {
        let mut bytes = Vec::new();
        let (width, height) = picture.dimensions();
        let encoded = match self.format {
            PictureFormat::Png => codecs::png::PngEncoder::new(&mut bytes).write_image(
                picture,
                width,
                height,
                ExtendedColorType::Rgb8,
            ),
            PictureFormat::Jpeg => {
                codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, self.quality).encode_image(picture)
            }
        };
        encoded.map_err(|error| {
            AppError::new(Exit::Internal, format!("a picture cannot be encoded: {error}"))
        })?;
        Ok(bytes)
    }

    /// Under a name that nobody looks for, then renamed: a reader never sees half a file.
    fn write(&self, name: &str, bytes: &[u8]) -> Result<(), AppError> {
        let path = self.folder.join(name);
        let draft = self.folder.join(format!(".{name}.{}.part", std::process::id()));
        let written = fs::write(&draft, bytes).and_then(|()| self.publish(&draft, &path));
        written.map_err(|error| {
            // What is left of it is of no use; that it cannot be removed changes nothing.
            let _left = fs::remove_file(&draft);
            if error.kind() == io::ErrorKind::AlreadyExists {
                there(&path)
            } else {
                unwritable(&path, &error)
            }
        })
    }

    fn publish(&self, draft: &Path, path: &Path) -> io::Result<()> {
        if self.force {
            return fs::rename(draft, path);
        }
        match renameat_with(CWD, draft, CWD, path, RenameFlags::NOREPLACE) {
            // Some network file systems cannot promise that; a link refuses to replace as well.
            Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => {
                fs::hard_link(draft, path).and_then(|()| fs::remove_file(draft))
            }
            done => done.map_err(io::Error::from),
        }
    }
}

fn there(path: &Path) -> AppError {
    let sentence =
        format!("{} is there already; choose another --out, or replace it with --force", path.display());
    AppError::new(Exit::Io, sentence)
}

fn unwritable(path: &Path, error: &io::Error) -> AppError {
    AppError::new(Exit::Io, format!("{} cannot be written: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store(folder: &Path, force: bool) -> Result<Store, AppError> {
        let facts = Facts { camera: "a".into(), source: "test://ball".into() };
        Store::open(folder, facts, PictureFormat::Png, 90, force)
    }

    fn frame(number: u64, gray: u8) -> Picked {
        let picture = RgbImage::from_pixel(4, 2, image::Rgb([gray; 3]));
        Picked { number, time: Some(gst::ClockTime::from_mseconds(number * 40)), picture }
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = folder
            .read_dir()
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn pictures_and_manifest_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("deep/frames");
        let mut store = store(&out, false).unwrap();
        store.save(&frame(150, 9)).unwrap();
        store.save(&frame(7, 9)).unwrap();
        assert_eq!(store.finish().unwrap(), 2);
        assert_eq!(names(&out), ["a-000007-280ms.png", "a-000150-6000ms.png", "manifest.json"]);
        let manifest: serde_json::Value =
            serde_json::from_slice(&fs::read(out.join(MANIFEST)).unwrap()).unwrap();
        assert_eq!(manifest["camera"], "a");
        assert_eq!(manifest["frames"][0]["timestamp_ns"], 6_000_000_000_u64);
        assert_eq!(manifest["frames"][0]["file"], "a-000150-6000ms.png");
    }

    #[test]
    fn what_is_there_is_replaced_only_by_force() {
        let folder = tempfile::tempdir().unwrap();
        let mut first = store(folder.path(), false).unwrap();
        first.save(&frame(1, 9)).unwrap();
        let error = first.save(&frame(1, 50)).unwrap_err();
        assert_eq!(error.exit(), Exit::Io);
        assert!(error.to_string().contains("a-000001-40ms.png is there already"), "{error}");
        first.finish().unwrap();
        assert!(store(folder.path(), false).is_err(), "there is a manifest");
        let mut second = store(folder.path(), true).unwrap();
        second.save(&frame(1, 50)).unwrap();
        second.finish().unwrap();
        let picture = image::open(folder.path().join("a-000001-40ms.png")).unwrap().into_rgb8();
        assert_eq!(picture.get_pixel(0, 0).0, [50; 3]);
        assert_eq!(names(folder.path()).len(), 2, "no drafts are left");
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_a_sentence() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = store(&file.path().join("x"), false).err().unwrap();
        assert_eq!(error.exit(), Exit::Io);
        assert!(error.to_string().contains("cannot be written"), "{error}");
    }
}
