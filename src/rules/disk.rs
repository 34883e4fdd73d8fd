//! The one place where rules touch the disk: reading a folder of rules and cases, writing a scaffold.

#![allow(clippy::disallowed_methods, reason = "the one place of this module that touches the disk: rule folders that users name")]

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

/// How deep folders of rules may be nested, and how many files they may hold.
const MAX_DEPTH: usize = 4;
const MAX_FILES: usize = 10_000;

/// (path, text) of every `.yaml` and `.yml` file below `dir`, in the order of their paths. Links to folders are not followed.
pub fn read_texts(dir: &Path) -> anyhow::Result<Vec<(String, String)>> {
    let mut texts = Vec::new();
    let mut folders = vec![(dir.to_owned(), 0)];
    while let Some((folder, depth)) = folders.pop() {
        let entries = fs::read_dir(&folder).with_context(|| format!("reading the rules folder {}", folder.display()))?;
        for entry in entries {
            let entry = entry.with_context(|| format!("reading the rules folder {}", folder.display()))?;
            let path = entry.path();
            let kind = entry.file_type().with_context(|| format!("reading {}", path.display()))?;
            if kind.is_dir() && depth < MAX_DEPTH {
                folders.push((path, depth + 1));
            } else if !kind.is_dir() && is_yaml(&path) {
                texts.push(read_text(&path)?);
            }
            if texts.len() > MAX_FILES {
                bail!("{} holds more than {MAX_FILES} files", dir.display());
            }
        }
    }
    texts.sort();
    Ok(texts)
}

fn is_yaml(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml")
}

fn read_text(path: &Path) -> anyhow::Result<(String, String)> {
    let size = fs::metadata(path).with_context(|| format!("reading {}", path.display()))?.len();
    if size > super::case::MAX_CASE_BYTES as u64 {
        bail!("{} is larger than {} bytes", path.display(), super::case::MAX_CASE_BYTES);
    }
    let text = fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    Ok((path.display().to_string(), text))
}

/// Rule files of a folder; the cases among them are left out.
pub fn rule_texts(dir: &Path) -> anyhow::Result<Vec<(String, String)>> {
    let mut texts = read_texts(dir)?;
    texts.retain(|(path, _)| super::case::promise(path).is_none());
    Ok(texts)
}

/// Writes the files of a new rule below `dir`; refuses to overwrite anything.
pub fn write_new(dir: &Path, files: &[(String, String)]) -> anyhow::Result<Vec<PathBuf>> {
    let paths: Vec<PathBuf> = files.iter().map(|(name, _)| dir.join(name)).collect();
    if let Some(taken) = paths.iter().find(|path| path.exists()) {
        bail!("{} exists already; nothing was written", taken.display());
    }
    for (path, (_, text)) in paths.iter().zip(files) {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).with_context(|| format!("making the folder {}", folder.display()))?;
        }
        fs::write(path, text).with_context(|| format!("writing {}", path.display()))?;
    }
    Ok(paths)
}
