//! Ansible's folders of variables, which this version does not read: hosts without them would be other hosts.

use std::ffi::OsStr;
use std::path::Path;

use fs_err as fs;

use super::failure::{Failure, FailureKind};

const FOLDERS: [&str; 2] = ["group_vars", "host_vars"];

/// Refuses a file that has such a folder with anything in it beside it.
pub(super) fn refuse_variables(file: &Path) -> Result<(), Failure> {
    let folder = file.parent().unwrap_or(Path::new(""));
    let is_read = |name: &OsStr| !name.as_encoded_bytes().starts_with(b".");
    let has_any = |path: &Path| {
        fs::read_dir(path).is_ok_and(|all| all.flatten().any(|entry| is_read(&entry.file_name())))
    };
    let Some(found) = FOLDERS.map(|name| folder.join(name)).into_iter().find(|path| has_any(path)) else {
        return Ok(());
    };
    let what = format!("{}: variables in folders are not read in this version", found.display());
    Err(Failure::new(FailureKind::Usage, what)
        .hint("move them into the inventory, under `vars:` of their groups and beneath their hosts"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_of_variables_are_told_where_there_is_anything_in_them() {
        let folder = tempfile::TempDir::new().unwrap();
        let (inventory, variables) = (folder.path().join("prod.yml"), folder.path().join("host_vars"));
        refuse_variables(&inventory).unwrap();
        fs::create_dir(&variables).unwrap();
        fs::write(variables.join(".gitkeep"), "").unwrap();
        refuse_variables(&inventory).unwrap();
        fs::write(variables.join("app1.yml"), "a: 1").unwrap();
        let failure = refuse_variables(&inventory).unwrap_err();
        assert_eq!(failure.kind.exit_code(), 2);
        refuse_variables(Path::new("prod.yml")).unwrap();
    }
}
