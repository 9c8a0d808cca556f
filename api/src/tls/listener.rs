//! [`Listener`]: connections as they come, with TLS where there is a certificate.
//!
//! Nobody waits for the handshake of another: each is a task of its own, so many at once and so long at most. One that
//! fails is counted; strangers who knock are no error of ours. Who speaks HTTP without TLS is told the right address.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tillsight_schemas::metric;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// Handshakes at once; more wait where the system keeps them.
const HANDSHAKES: usize = 128;
/// How long a handshake may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Connections that wait to be taken.
const WAITING: usize = 64;
/// What a TLS connection begins with.
const HANDSHAKE: u8 = 0x16;

/// Gives connections.
#[derive(Debug)]
pub(crate) struct Listener {
    address: SocketAddr,
    ready: mpsc::Receiver<Socket>,
    /// Gone with the listener.
    _door: JoinSet<()>,
}

/// One connection.
#[derive(Debug)]
pub(crate) struct Socket {
    stream: Stream,
    peer: SocketAddr,
    _place: OwnedSemaphorePermit,
}

#[derive(Debug)]
enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// Who is at the other end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) SocketAddr);

impl Listener {
    /// Takes connections from a port, so many at once; more are closed.
    ///
    /// # Errors
    /// [`io::Error`] when the port has no address.
    pub(crate) fn new(
        surface: &'static str,
        port: TcpListener,
        tls: Option<TlsAcceptor>,
        most: usize,
    ) -> io::Result<Self> {
        let address = port.local_addr()?;
        let (sender, ready) = mpsc::channel(WAITING);
        let mut door = JoinSet::new();
        door.spawn(Door { surface, port, tls, sender, places: Arc::new(Semaphore::new(most)) }.stand());
        Ok(Self { address, ready, _door: door })
    }

    /// The next connection.
    pub(crate) async fn next(&mut self) -> Socket {
        match self.ready.recv().await {
            Some(socket) => socket,
            // The door stands as long as the listener does.
            None => std::future::pending().await,
        }
    }
}

impl axum::serve::Listener for Listener {
    type Io = Socket;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Socket, SocketAddr) {
        let socket = self.next().await;
        let peer = socket.peer;
        (socket, peer)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

/// Counts a handshake by how it ended.
pub(crate) fn count(surface: &'static str, outcome: &'static str) {
    metrics::counter!(metric::TLS_HANDSHAKES, "surface" => surface, "outcome" => outcome).increment(1);
}

struct Door {
    surface: &'static str,
    port: TcpListener,
    tls: Option<TlsAcceptor>,
    sender: mpsc::Sender<Socket>,
    places: Arc<Semaphore>,
}

impl Door {
    async fn stand(self) {
        let surface = self.surface;
        let turns = Arc::new(Semaphore::new(HANDSHAKES));
        let mut handshakes = JoinSet::new();
        loop {
            while handshakes.try_join_next().is_some() {}
            let Ok(turn) = Arc::clone(&turns).acquire_owned().await else { return };
            let (stream, peer) = match self.port.accept().await {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(surface, %error, "a connection was not accepted");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            };
            let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
                tracing::warn!(surface, %peer, "too many connections");
                continue;
            };
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(surface, %peer, %error, "a connection is gone already");
                continue;
            }
            let sender = self.sender.clone();
            match self.tls.clone() {
                None => {
                    let socket = Socket { stream: Stream::Plain(stream), peer, _place: place };
                    if sender.send(socket).await.is_err() {
                        return;
                    }
                }
                Some(acceptor) => drop(handshakes.spawn(async move {
                    let outcome = match timeout(PATIENCE, shake_hands(stream, acceptor)).await {
                        Ok(Ok(Some(stream))) => {
                            let stream = Stream::Tls(Box::new(stream));
                            drop(sender.send(Socket { stream, peer, _place: place }).await);
                            "ok"
                        }
                        Ok(Ok(None)) => "plain",
                        Ok(Err(error)) => {
                            tracing::debug!(surface, %peer, %error, "a TLS handshake failed");
                            "failed"
                        }
                        Err(_) => "timeout",
                    };
                    count(surface, outcome);
                    drop(turn);
                })),
            }
        }
    }
}

/// The encrypted connection; `None` for who does not speak TLS, and was told so.
async fn shake_hands(mut stream: TcpStream, acceptor: TlsAcceptor) -> io::Result<Option<TlsStream<TcpStream>>> {
    let mut first = [0];
    if stream.peek(&mut first).await? == 1 && first != [HANDSHAKE] {
        const TEXT: &str = "This port speaks TLS: begin the address with https://\n";
        let answer = format!(
            "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\n\
             Connection: close\r\n\r\n{TEXT}",
            TEXT.len()
        );
        stream.write_all(answer.as_bytes()).await?;
        stream.shutdown().await?;
        // What was asked is read away: closing on unread bytes takes the answer back.
        let mut rest = stream.take(64 << 10);
        timeout(Duration::from_secs(1), tokio::io::copy(&mut rest, &mut tokio::io::sink())).await.ok();
        return Ok(None);
    }
    acceptor.accept(stream).await.map(Some)
}

impl tonic::transport::server::Connected for Socket {
    type ConnectInfo = Peer;

    fn connect_info(&self) -> Peer {
        Peer(self.peer)
    }
}

impl AsyncRead for Socket {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_read(cx, buffer),
            Stream::Tls(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Stream::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_write_vectored(cx, parts),
            Stream::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, parts),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match &self.stream {
            Stream::Plain(stream) => stream.is_write_vectored(),
            Stream::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Stream::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Stream::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn connections_beyond_the_limit_are_closed_and_the_others_answered() {
        let port = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut listener = Listener::new("test", port, None, 1).unwrap();
        let mut first = TcpStream::connect(listener.address).await.unwrap();
        let mut taken = listener.next().await;
        let mut second = TcpStream::connect(listener.address).await.unwrap();
        assert_eq!(second.read(&mut [0]).await.unwrap_or(0), 0);
        taken.write_all(b"hello").await.unwrap();
        drop(taken);
        let mut said = String::new();
        first.read_to_string(&mut said).await.unwrap();
        assert_eq!(said, "hello");
        let _third = TcpStream::connect(listener.address).await.unwrap();
        listener.next().await;
    }
}
