//! Owns the words for what the SDK says: what the service answered, or what stood between, without the debugging that the SDK adds to it.

use super::clients::Client;
use super::error::{Asked, AwsKmsError};
use crate::keys::words::{one_line, without_number};
use aws_sdk_kms::error::{ProvideErrorMetadata, SdkError};
use std::error::Error;

/// How much is shown of what a server says.
const SHOWN: usize = 300;

/// An error of the SDK in our words. `identity` is asked only where the service said no.
pub(super) fn in_words<E>(error: &SdkError<E>, client: &Client, identity: impl FnOnce() -> Option<String>) -> AwsKmsError
where
    E: Error + ProvideErrorMetadata + 'static,
{
    let asked = client.asked();
    match error {
        SdkError::ServiceError(context) if context.raw().status().is_success() => {
            AwsKmsError::Failed { why: String::from("the answer cannot be read"), asked }
        }
        SdkError::ServiceError(context) => {
            let (code, message) = (context.err().code(), context.err().message());
            let said = match (code, message) {
                (Some(code), Some(message)) => format!("{code}: {message}"),
                (Some(only), None) | (None, Some(only)) => only.to_owned(),
                (None, None) => String::from("the service says no, in words that are not those of AWS"),
            };
            AwsKmsError::Refused { said: one_line(&said, SHOWN), asked: Box::new(Asked { identity: identity(), ..*asked }) }
        }
        SdkError::TimeoutError(_) => AwsKmsError::TimedOut { limit: client.limit, asked },
        SdkError::DispatchFailure(failure) => match failure.as_connector_error() {
            Some(error) if error.is_timeout() => {
                AwsKmsError::Failed { why: String::from("no answer, or no connection, in time"), asked }
            }
            // Before anything is sent there is nothing but credentials to fail.
            Some(connector) if asked.endpoint.is_none() => AwsKmsError::Credentials { why: innermost(connector), asked },
            Some(connector) => AwsKmsError::Failed { why: innermost(connector), asked },
            None => AwsKmsError::Failed { why: innermost(error), asked },
        },
        SdkError::ConstructionFailure(_) => AwsKmsError::Credentials { why: innermost(error), asked },
        SdkError::ResponseError(_) => {
            AwsKmsError::Failed { why: format!("the answer cannot be read: {}", innermost(error)), asked }
        }
        _ => AwsKmsError::Failed { why: innermost(error), asked },
    }
}

/// The last two errors of a chain: what went wrong, not every layer it went through.
fn innermost(error: &(dyn Error + 'static)) -> String {
    let mut texts: Vec<String> = Vec::new();
    let mut next: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = next {
        let text = error.to_string();
        let text = without_number(&text).to_owned();
        // Some layers repeat what is below them.
        if texts.last().is_none_or(|last| !last.contains(&text)) {
            texts.push(text);
        }
        next = error.source();
    }
    one_line(&texts[texts.len().saturating_sub(2)..].join(": "), SHOWN)
}
