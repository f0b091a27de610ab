//! Advice on how to fix a file that the system refuses to write.

use std::io;

/// Returns advice for the user on how to fix `error`, with which the system refused to write a file.
#[must_use]
pub fn remedy(error: &io::Error) -> &'static str {
    use io::ErrorKind as Kind;
    match error.kind() {
        Kind::StorageFull | Kind::QuotaExceeded | Kind::FileTooLarge => "free disk space",
        Kind::PermissionDenied => "let this user write to the file's folder",
        Kind::ReadOnlyFilesystem => "make the file system writable",
        Kind::IsADirectory | Kind::NotADirectory | Kind::AlreadyExists | Kind::DirectoryNotEmpty => {
            "remove the folder or file at that path"
        }
        _ => "check the disk and its quotas",
    }
}

/// Returns the system's error text without the path in it. That path names a temporary file, which the user does not
/// know.
#[must_use]
pub fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    text.split_once(" at path \"").map_or(text.as_str(), |(reason, _)| reason).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_remedy_in_a_write_error_depends_on_the_kind_of_the_error() {
        let remedy = |kind: io::ErrorKind| remedy(&kind.into());
        assert_eq!(remedy(io::ErrorKind::StorageFull), "free disk space");
        assert_eq!(remedy(io::ErrorKind::PermissionDenied), "let this user write to the file's folder");
        assert_eq!(remedy(io::ErrorKind::Other), "check the disk and its quotas");
    }

    #[test]
    fn a_write_error_does_not_name_the_temporary_file() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("missing");
        let error = tempfile::NamedTempFile::new_in(&missing).unwrap_err();
        assert!(error.to_string().contains("missing"), "{error}");
        let plain = std::fs::File::create(missing.join("file")).unwrap_err();
        assert_eq!(reason(&error), plain.to_string());
        assert_eq!(reason(&plain), plain.to_string());
    }
}
