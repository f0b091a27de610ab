//! Writes the corpus of [`tickwire_fuzz::corpus`] to `fuzz/corpus`, and removes files that it no longer makes.

use std::path::Path;
use std::{fs, io};

fn main() -> io::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("corpus");
    let files = tickwire_fuzz::corpus::corpus();
    let mut bytes = 0;
    for (name, _) in tickwire_fuzz::TARGETS {
        let folder = root.join(name);
        fs::create_dir_all(&folder)?;
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if !tickwire_fuzz::is_found(&file) && !files.contains_key(&(*name, file)) {
                fs::remove_file(path)?;
            }
        }
    }
    for ((target, name), content) in &files {
        bytes += content.len();
        fs::write(root.join(target).join(name), content)?;
    }
    println!("wrote {} corpus files with {bytes} bytes in total", files.len());
    Ok(())
}
