//! Its two sockets: made before anything is served, and taken away at the end.

use std::fs::{self, Permissions};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use super::Settings;

/// Why a socket is not to be had.
#[derive(Debug, thiserror::Error)]
pub enum NotBound {
    /// The loopback address.
    #[error("cannot listen on {0}, [admin] http: choose another port, or stop what listens there")]
    Http(SocketAddr, #[source] io::Error),
    /// Another gateway answers on the socket.
    #[error("another Countersign already answers on {}: stop it, or name another [admin] socket", .0.display())]
    Taken(PathBuf),
    /// Something else has that name; it is not ours to remove.
    #[error("{} is not a socket: remove it, or name another [admin] socket", .0.display())]
    NotASocket(PathBuf),
    /// The socket's folder is missing, or not ours to write to.
    #[error("cannot make the socket {}, [admin] socket: is there such a folder, and may this process write to it?", .0.display())]
    Socket(PathBuf, #[source] io::Error),
}

/// The sockets.
#[derive(Debug)]
pub struct Bound {
    pub(super) http: Option<TcpListener>,
    pub(super) socket: Option<(UnixListener, Made)>,
}

/// The file of a socket that we made; dropping it takes the file away, unless it is another's by now.
#[derive(Debug)]
pub(super) struct Made {
    path: PathBuf,
    inode: u64,
}

/// Who may talk to the gateway: its user and its group.
const MODE: u32 = 0o660;

impl Bound {
    /// Makes what `settings` name.
    ///
    /// # Errors
    /// [`NotBound`].
    pub fn bind(settings: &Settings) -> Result<Self, NotBound> {
        let http = settings.http.map(|address| {
            let listener = TcpListener::bind(address).and_then(|listener| {
                listener.set_nonblocking(true)?;
                Ok(listener)
            });
            listener.map_err(|error| NotBound::Http(address, error))
        });
        Ok(Self {
            http: http.transpose()?,
            socket: settings.socket.as_deref().map(make).transpose()?,
        })
    }

    /// The loopback address, with the port that the system chose where 0 was asked for.
    pub fn address(&self) -> Option<SocketAddr> {
        self.http.as_ref()?.local_addr().ok()
    }

    /// The path of the socket.
    pub fn path(&self) -> Option<&Path> {
        self.socket.as_ref().map(|(_, made)| made.path.as_path())
    }
}

/// Makes the socket beside its place and moves it there: so nobody finds it open to everybody, and what a process that
/// was killed has left behind is replaced in one step.
fn make(path: &Path) -> Result<(UnixListener, Made), NotBound> {
    let failed = |error| NotBound::Socket(path.to_owned(), error);
    match fs::symlink_metadata(path) {
        Ok(there) if !there.file_type().is_socket() => {
            return Err(NotBound::NotASocket(path.to_owned()));
        }
        Ok(_) if UnixStream::connect(path).is_ok() => {
            return Err(NotBound::Taken(path.to_owned()));
        }
        Ok(_) | Err(_) => {}
    }
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let beside = PathBuf::from(beside);
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    let listener = UnixListener::bind(&beside).map_err(failed)?;
    let moved = fs::set_permissions(&beside, Permissions::from_mode(MODE))
        .and_then(|()| listener.set_nonblocking(true))
        .and_then(|()| fs::rename(&beside, path))
        .and_then(|()| fs::symlink_metadata(path));
    match moved {
        Ok(metadata) => {
            let made = Made {
                path: path.to_owned(),
                inode: metadata.ino(),
            };
            Ok((listener, made))
        }
        Err(error) => {
            drop(fs::remove_file(&beside));
            Err(failed(error))
        }
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        let ours = fs::symlink_metadata(&self.path).is_ok_and(|found| found.ino() == self.inode);
        if ours {
            // It may have gone with its folder: systemd removes that when the service stops.
            drop(fs::remove_file(&self.path));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn at(path: &Path) -> Settings {
        Settings {
            http: None,
            socket: Some(path.to_owned()),
        }
    }

    #[test]
    fn the_socket_is_for_its_user_and_group_and_goes_with_its_process() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("admin.sock");
        let bound = Bound::bind(&at(&path)).unwrap();
        assert_eq!(bound.path(), Some(path.as_path()));
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o660);
        assert!(UnixStream::connect(&path).is_ok());
        drop(bound);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_a_killed_process_left_behind_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("admin.sock");
        drop(UnixListener::bind(&path).unwrap());
        fs::write(folder.path().join("admin.sock.new"), "").unwrap();
        let _bound = Bound::bind(&at(&path)).unwrap();
        assert!(UnixStream::connect(&path).is_ok());
    }

    #[test]
    fn neither_a_gateway_at_work_nor_a_file_of_somebodys_is_pushed_aside() {
        let folder = tempfile::tempdir().unwrap();
        let (path, file) = (folder.path().join("admin.sock"), folder.path().join("file"));
        let first = Bound::bind(&at(&path)).unwrap();
        let second = Bound::bind(&at(&path)).unwrap_err();
        assert!(matches!(second, NotBound::Taken(_)), "{second}");
        assert!(UnixStream::connect(&path).is_ok());
        fs::write(&file, "keep me").unwrap();
        let third = Bound::bind(&at(&file)).unwrap_err();
        assert!(matches!(third, NotBound::NotASocket(_)), "{third}");
        assert_eq!(fs::read_to_string(&file).unwrap(), "keep me");
        drop(first);
    }

    #[test]
    fn a_socket_that_another_has_taken_over_is_left_to_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("admin.sock");
        let first = Bound::bind(&at(&path)).unwrap();
        // Beside the old one, which so keeps its inode.
        let others = folder.path().join("others");
        let _listener = UnixListener::bind(&others).unwrap();
        fs::rename(&others, &path).unwrap();
        drop(first);
        assert!(UnixStream::connect(&path).is_ok());
    }

    #[test]
    fn a_missing_folder_and_a_taken_port_are_told_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let lost = Bound::bind(&at(&folder.path().join("none/admin.sock"))).unwrap_err();
        assert!(lost.to_string().contains("none/admin.sock"), "{lost}");
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let taken = Bound::bind(&Settings {
            http: Some(address),
            socket: None,
        });
        let taken = taken.unwrap_err();
        assert!(taken.to_string().contains(&address.to_string()), "{taken}");
    }
}
