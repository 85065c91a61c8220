//! Owns users: who runs the program, and `--user`: who that is, and becoming that user for good.

use super::exit;
use super::failure::Failure;
use nix::unistd::User;
use std::ffi::OsString;

/// The name of the user who runs the program.
///
/// # Errors
/// Exit 1 when the system knows none.
#[cfg(feature = "audit")]
pub fn name() -> Result<String, Failure> {
    let id = nix::unistd::getuid();
    match User::from_uid(id) {
        Ok(Some(user)) => Ok(user.name),
        Ok(None) => Err(Failure::new(exit::GENERIC, format!("there is no user with the number {id}"))),
        Err(e) => Err(Failure::new(exit::GENERIC, format!("cannot look up the user with the number {id}: {}", e.desc()))),
    }
}

/// Another user of this system.
#[derive(Debug)]
pub struct Account(User);

impl Account {
    /// Finds a user by name.
    ///
    /// # Errors
    /// Exit 1 when there is none.
    pub fn find(name: &str) -> Result<Self, Failure> {
        match User::from_name(name) {
            Ok(Some(user)) => Ok(Self(user)),
            Ok(None) => Err(Failure::new(exit::GENERIC, format!("there is no user `{name}`")).named()),
            Err(e) => Err(Failure::new(exit::GENERIC, format!("cannot look up the user `{name}`: {}", e.desc())).named()),
        }
    }

    /// The variables that say who runs: `HOME`, `USER`, `LOGNAME`.
    pub fn variables(&self) -> [(&'static str, OsString); 3] {
        let Self(user) = self;
        [("HOME", user.dir.clone().into_os_string()), ("USER", user.name.clone().into()), ("LOGNAME", user.name.clone().into())]
    }

    /// Makes this process one of the user, with the user's groups. There is no way back.
    ///
    /// # Errors
    /// Exit 1 when the system does not allow it.
    pub fn switch(&self) -> Result<(), Failure> {
        let Self(user) = self;
        if user.uid == nix::unistd::geteuid() && user.uid == nix::unistd::getuid() && !user.uid.is_root() {
            return Ok(());
        }
        change(user).map_err(|e| {
            Failure::new(exit::GENERIC, format!("cannot become the user `{}`: {}", user.name, e.desc()))
                .named()
                .hint("only root can become another user")
        })
    }
}

#[cfg(not(target_vendor = "apple"))]
fn change(user: &User) -> nix::Result<()> {
    use nix::unistd::{getgrouplist, setgid, setgroups, setuid};
    let name = std::ffi::CString::new(user.name.as_str()).map_err(|_| nix::Error::EINVAL)?;
    setgroups(&getgrouplist(&name, user.gid)?)?;
    setgid(user.gid)?;
    setuid(user.uid)
}

/// There is no safe way here to take on the groups of a user, and keeping those of root would be worse than failing.
#[cfg(target_vendor = "apple")]
fn change(_user: &User) -> nix::Result<()> {
    Err(nix::Error::ENOSYS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_found_by_name() {
        let root = Account::find("root").expect("every system has it");
        assert_eq!(root.variables()[1], ("USER", OsString::from("root")));
        assert_eq!(Account::find("no-such-user-here").expect_err("none").message, "there is no user `no-such-user-here`");
    }
}
