//! `lambda-extension`: tokio and hyper, one thread.

use lambda_extension::{Error, Extension, LambdaEvent, NextEvent, service_fn};

async fn handle(event: LambdaEvent) -> Result<(), Error> {
    if let NextEvent::Shutdown(_) = event.next {
        std::process::exit(0);
    }
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let extension = Extension::new().with_events(&["INVOKE", "SHUTDOWN"]);
    extension.with_events_processor(service_fn(handle)).run().await
}
