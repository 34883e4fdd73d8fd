//! Files that appear whole or not at all: whoever reads one meanwhile, and whoever finds it after a crash, sees the former one.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use tempfile::{Builder, NamedTempFile};

/// Who may read the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readers {
    /// Its owner alone (mode 0600), whatever was there before.
    Owner,
    /// Those who could read the one before it; for a new file as the umask says.
    AsBefore,
}

/// A file that is not there yet under its name.
#[derive(Debug)]
pub struct Whole {
    out: BufWriter<File>,
    readers: Readers,
    /// Absent where the bytes go straight to their place.
    place: Option<(NamedTempFile, PathBuf)>,
}

impl Whole {
    /// Begins a file that [`Whole::finish`] puts in its place; what is not finished is gone.
    ///
    /// A link stays a link. Devices and pipes cannot be replaced and are written as they are, and so is a report in a directory where
    /// only the file itself may be written.
    ///
    /// # Errors
    /// Neither the file nor its directory may be written, or the path names none.
    pub fn begin(file: &Path, readers: Readers) -> io::Result<Whole> {
        let before = fs::metadata(file).ok();
        if before.as_ref().is_some_and(|found| !found.is_file() && !found.is_dir()) {
            return Whole::straight(file, readers);
        }
        match Whole::beside(file, readers) {
            Err(error) if readers == Readers::AsBefore && before.is_some_and(|found| found.is_file()) => {
                Whole::straight(file, readers).map_err(|_| error)
            }
            result => result,
        }
    }

    fn straight(file: &Path, readers: Readers) -> io::Result<Whole> {
        let out = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(file)?;
        Ok(Whole { out: BufWriter::new(out), readers, place: None })
    }

    /// In the same directory, so that it can take the place of the other.
    fn beside(file: &Path, readers: Readers) -> io::Result<Whole> {
        let target = fs::canonicalize(file).unwrap_or_else(|_| file.to_owned());
        if target.is_dir() || target.file_name().is_none() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        let directory = target.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mode = Permissions::from_mode(if readers == Readers::Owner { 0o600 } else { 0o666 });
        let half = Builder::new().prefix(".rollback-safe-").suffix(".part").permissions(mode).tempfile_in(directory)?;
        if let (Readers::AsBefore, Ok(found)) = (readers, fs::metadata(&target)) {
            half.as_file().set_permissions(found.permissions())?;
        }
        Ok(Whole { out: BufWriter::new(half.reopen()?), readers, place: Some((half, target)) })
    }

    /// Puts the file in its place.
    ///
    /// # Errors
    /// The rest cannot be written; then the former file is still there.
    pub fn finish(mut self) -> io::Result<()> {
        self.out.flush()?;
        let Some((half, target)) = self.place else { return Ok(()) };
        if self.readers == Readers::Owner {
            // A plan or a recording is evidence: it has to outlive a crash of the machine.
            half.as_file().sync_all()?;
        }
        half.persist(target).map(drop).map_err(|failed| failed.error)
    }
}

impl Write for Whole {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Writes a whole text.
///
/// # Errors
/// As [`Whole::begin`] and [`Whole::finish`].
pub fn write(file: &Path, text: &str, readers: Readers) -> io::Result<()> {
    let mut whole = Whole::begin(file, readers)?;
    whole.write_all(text.as_bytes())?;
    whole.finish()
}

/// Adds a line to a file of its owner, which is made where it is not there. One write, so that lines of two programs do not mix.
///
/// # Errors
/// The file cannot be written.
pub fn append(file: &Path, line: &str) -> io::Result<()> {
    let mut out = OpenOptions::new().append(true).create(true).mode(0o600).open(file)?;
    out.write_all(format!("{line}\n").as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(file: &Path) -> u32 {
        fs::metadata(file).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn what_is_not_finished_leaves_the_former_file_and_no_other() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("plan.json");
        fs::write(&file, "former").unwrap();
        let mut whole = Whole::begin(&file, Readers::Owner).unwrap();
        whole.write_all(b"half").unwrap();
        drop(whole);
        assert_eq!(fs::read_to_string(&file).unwrap(), "former");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn evidence_is_its_owners_alone_and_a_report_keeps_its_readers() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("report");
        fs::write(&file, "former").unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
        write(&file, "new", Readers::AsBefore).unwrap();
        assert_eq!((fs::read_to_string(&file).unwrap().as_str(), mode(&file)), ("new", 0o644));
        write(&file, "newer", Readers::Owner).unwrap();
        assert_eq!((fs::read_to_string(&file).unwrap().as_str(), mode(&file)), ("newer", 0o600));
    }

    #[test]
    fn a_link_stays_a_link() {
        let dir = tempfile::tempdir().unwrap();
        let (file, link) = (dir.path().join("file"), dir.path().join("link"));
        fs::write(&file, "former").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        write(&link, "new", Readers::Owner).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_to_string(&file).unwrap(), "new");
    }
}
