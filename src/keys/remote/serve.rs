//! Owns the serving end of the protocol: takes requests off the network and hands them, as [`Call`]s, to whoever has the keys.

use super::messages::{Request, Response};
use super::{DECRYPT, ENCRYPT};
use crate::keys::{MasterKey, WrappedKey};
use crate::secret::Secret;
use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::mpsc::Sender;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::oneshot;
use tokio_stream::Stream;
use tonic::body::Body;
use tonic::codegen::{Service, http};
use tonic::server::{Grpc, UnaryService};
use tonic::transport::server::{Connected, Server};
use tonic::{Code, Status};

/// What someone wants of a key. Answered by [`Call::answer`]; dropped without an answer, the caller hears that nobody gave one.
pub struct Call {
    /// What is to be done.
    pub work: Work,
    answer: oneshot::Sender<Result<Vec<u8>, Refusal>>,
}

/// What is to be done.
pub enum Work {
    /// A data key is to be wrapped.
    Wrap(MasterKey, Secret<Vec<u8>>),
    /// A data key is to be unwrapped.
    Unwrap(WrappedKey),
}

impl Work {
    /// The key.
    pub fn key(&self) -> &MasterKey {
        match self {
            Self::Wrap(key, _) => key,
            Self::Unwrap(wrapped) => &wrapped.key,
        }
    }
}

/// Why something is not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The key cannot do it; in its own words.
    Failed(String),
    /// Whoever has the keys does not want it.
    Denied(String),
}

impl Call {
    /// Answers with the wrapped text, or with the data key.
    pub fn answer(self, result: Result<Vec<u8>, Refusal>) {
        // Whoever asked may have gone.
        let _ = self.answer.send(result);
    }
}

/// Serves connections until there are no more; every request becomes a call to `calls`.
///
/// # Errors
/// When the connections cannot be served.
pub async fn serve<I, C>(connections: I, calls: Sender<Call>) -> Result<(), String>
where
    I: Stream<Item = io::Result<C>>,
    C: AsyncRead + AsyncWrite + Connected + Unpin + Send + 'static,
{
    Server::builder().serve_with_incoming(Protocol { calls }, connections).await.map_err(|error| error.to_string())
}

/// The protocol, for one connection.
#[derive(Clone)]
struct Protocol {
    calls: Sender<Call>,
}

type Answering<T> = Pin<Box<dyn Future<Output = Result<T, Infallible>> + Send>>;

impl Service<http::Request<Body>> for Protocol {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Answering<Self::Response>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let wraps = match request.uri().path() {
            ENCRYPT => true,
            DECRYPT => false,
            _ => return Box::pin(async { Ok(Status::new(Code::Unimplemented, "there is no such method").into_http()) }),
        };
        let method = Method { wraps, calls: self.calls.clone() };
        let codec = tonic_prost::ProstCodec::<Response, Request>::default();
        Box::pin(async move { Ok(Grpc::new(codec).unary(method, request).await) })
    }
}

/// One of the two methods.
struct Method {
    wraps: bool,
    calls: Sender<Call>,
}

impl UnaryService<Request> for Method {
    type Response = Response;
    type Future = Pin<Box<dyn Future<Output = Result<tonic::Response<Response>, Status>> + Send>>;

    fn call(&mut self, request: tonic::Request<Request>) -> Self::Future {
        let mut request = request.into_inner();
        let bytes = std::mem::take(&mut request.bytes);
        let key = request.key.take().and_then(|key| key.key_type).map(MasterKey::from);
        let asked = match key {
            // The words of the reference.
            None => Err(Status::not_found("Must provide a key")),
            Some(key) if self.wraps => self.hand_over(Work::Wrap(key, Secret::new(bytes))),
            Some(key) => match String::from_utf8(bytes) {
                Ok(enc) => self.hand_over(Work::Unwrap(WrappedKey { key, enc, created_at: None })),
                Err(_) => Err(Status::unknown("what is to be unwrapped is not text")),
            },
        };
        Box::pin(async move {
            match asked?.await {
                Ok(Ok(bytes)) => Ok(tonic::Response::new(Response { bytes })),
                Ok(Err(Refusal::Failed(why))) => Err(Status::unknown(why)),
                Ok(Err(Refusal::Denied(why))) => Err(Status::permission_denied(why)),
                Err(_) => Err(Status::unavailable("nobody answers")),
            }
        })
    }
}

impl Method {
    fn hand_over(&self, work: Work) -> Result<oneshot::Receiver<Result<Vec<u8>, Refusal>>, Status> {
        let (answer, waiting) = oneshot::channel();
        self.calls.send(Call { work, answer }).map_err(|_| Status::unavailable("nobody answers any more"))?;
        Ok(waiting)
    }
}
