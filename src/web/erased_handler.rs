//! Handlers of the admin API and the console with one type for all. axum wraps a handler in several
//! generic layers, and for each layer the compiler proves again that the whole future of the handler
//! is `Send`: 36 s of CPU in a debug build. An erased handler costs a request one more allocation.

use std::sync::Arc;

use axum::extract::Request;
use axum::handler::Handler;
use axum::response::Response;
use axum::routing::{self, MethodFilter, MethodRouter};
use futures_util::future::BoxFuture;

use crate::app::App;

type Call = dyn Fn(Request, Arc<App>) -> BoxFuture<'static, Response> + Send + Sync;

/// A handler behind a pointer.
#[derive(Clone)]
struct ErasedHandler(Arc<Call>);

impl ErasedHandler {
    fn new<T: 'static>(handler: impl Handler<T, Arc<App>>) -> Self {
        Self(Arc::new(move |request, app| Box::pin(handler.clone().call(request, app))))
    }
}

impl Handler<(), Arc<App>> for ErasedHandler {
    type Future = BoxFuture<'static, Response>;

    fn call(self, request: Request, app: Arc<App>) -> Self::Future {
        (self.0)(request, app)
    }
}

/// [`routing::on`] with an erased handler.
pub(super) fn on<T: 'static>(
    filter: MethodFilter,
    handler: impl Handler<T, Arc<App>>,
) -> MethodRouter<Arc<App>> {
    routing::on(filter, ErasedHandler::new(handler))
}

/// [`routing::get`] with an erased handler.
pub(super) fn get<T: 'static>(handler: impl Handler<T, Arc<App>>) -> MethodRouter<Arc<App>> {
    on(MethodFilter::GET, handler)
}

/// [`routing::post`] with an erased handler.
pub(super) fn post<T: 'static>(handler: impl Handler<T, Arc<App>>) -> MethodRouter<Arc<App>> {
    on(MethodFilter::POST, handler)
}
