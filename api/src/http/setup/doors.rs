//! [`Doors`]: in which order logins are tried at devices.
//!
//! Behind one address there may be many cameras, and a device locks out who is refused too often. So one of each device
//! and user goes first, and where it is refused nobody else tries.

use std::collections::{BTreeMap, BTreeSet};

/// Who logs in where.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Login {
    /// The device: host and port.
    pub(super) device: String,
    /// The user name.
    pub(super) user: String,
    /// The password.
    pub(super) password: String,
}

impl Login {
    fn door(&self) -> (String, String) {
        (self.device.clone(), self.user.clone())
    }
}

/// When a camera is tried.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// In this round.
    Now,
    /// In a later one: somebody else goes first.
    Later,
    /// Not at all: the device has refused its user for this camera.
    Never(String),
}

/// What is known of devices and users.
#[derive(Default)]
pub(super) struct Doors {
    /// Logins that were tried and not refused.
    open: BTreeSet<Login>,
    /// Devices and users that were refused, each with the camera that it was for.
    closed: BTreeMap<(String, String), String>,
}

impl Doors {
    /// Whose turn it is among those who wait, in their order; who has no login needs no door. The first of them is never
    /// told to wait.
    pub(super) fn turns<'a>(&self, waiting: impl Iterator<Item = Option<&'a Login>>) -> Vec<Turn> {
        let mut first = BTreeSet::new();
        let turn = |login: Option<&Login>| {
            let Some(login) = login else { return Turn::Now };
            match self.closed.get(&login.door()) {
                Some(camera) => Turn::Never(camera.clone()),
                None if self.open.contains(login) || first.insert(login.door()) => Turn::Now,
                None => Turn::Later,
            }
        };
        waiting.map(turn).collect()
    }

    /// Notes what came of a login that was tried for a camera.
    pub(super) fn note(&mut self, login: Option<&Login>, camera: &str, refused: bool) {
        let Some(login) = login else { return };
        if refused {
            self.closed.insert(login.door(), camera.to_owned());
        } else {
            self.open.insert(login.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login(device: &str, password: &str) -> Option<Login> {
        Some(Login { device: device.to_owned(), user: "viewer".to_owned(), password: password.to_owned() })
    }

    fn turns(doors: &Doors, waiting: &[Option<Login>]) -> Vec<Turn> {
        doors.turns(waiting.iter().map(Option::as_ref))
    }

    #[test]
    fn one_of_each_device_goes_first_and_the_others_follow_where_it_was_let_in() {
        let waiting = [login("a:80", "x"), login("a:80", "x"), login("b:80", "x"), None, None];
        let mut doors = Doors::default();
        assert_eq!(turns(&doors, &waiting), [Turn::Now, Turn::Later, Turn::Now, Turn::Now, Turn::Now]);
        doors.note(waiting[0].as_ref(), "till-1", false);
        let waiting = [login("a:80", "x"), login("a:80", "x"), login("a:80", "y"), login("a:80", "y")];
        assert_eq!(turns(&doors, &waiting), [Turn::Now, Turn::Now, Turn::Now, Turn::Later], "another is new again");
    }

    #[test]
    fn nobody_tries_where_the_first_was_refused() {
        let mut doors = Doors::default();
        doors.note(login("a:80", "x").as_ref(), "till-1", true);
        let never = || Turn::Never("till-1".to_owned());
        let waiting = [login("a:80", "x"), login("a:80", "y"), login("a:554", "x")];
        assert_eq!(turns(&doors, &waiting), [never(), never(), Turn::Now], "nor with another password of this user");
    }
}
