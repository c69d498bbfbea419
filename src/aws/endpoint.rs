//! Which endpoint a session would really talk to, and whether that fits the run (P16).

use crate::base::domains::AWS_DOMAINS;
use aws_config::SdkConfig;
use aws_types::service_config::ServiceConfigKey;

/// The services that this room calls: the name in hosts, and the SDK's service id.
pub(super) const SERVICES: [(&str, &str); 5] = [
    ("sts", "STS"),
    ("organizations", "Organizations"),
    ("iam", "IAM"),
    ("account", "Account"),
    ("invoicing", "Invoicing"),
];

/// Refuses a configuration under which any service would be asked at the wrong place.
/// Nothing is sent for this: it reads what the SDK would read.
pub(super) fn check(sdk: &SdkConfig, simulated: bool) -> Result<(), String> {
    for (service, id) in SERVICES {
        match configured(sdk, id) {
            Some(url) => allowed(service, &origin(&url), simulated)?,
            None => allowed(service, &format!("https://{service}.amazonaws.com"), simulated)?,
        }
    }
    Ok(())
}

/// The endpoint that profile or environment names for a service; none: AWS's own.
/// The same look-up, in the same order, as the SDK's clients make when they are built.
pub(super) fn configured(sdk: &SdkConfig, service_id: &str) -> Option<String> {
    if sdk.get_origin("endpoint_url").is_client_config() {
        return sdk.endpoint_url().map(str::to_owned);
    }
    let key =
        ServiceConfigKey::builder().service_id(service_id).env("AWS_ENDPOINT_URL").profile("endpoint_url").build();
    let own = key.ok().and_then(|key| sdk.service_config()?.load_config(key));
    own.or_else(|| sdk.endpoint_url().map(str::to_owned))
}

/// Whether the endpoint fits the mode; else words that say what to do.
pub(super) fn allowed(service: &str, endpoint: &str, simulated: bool) -> Result<(), String> {
    match (is_aws(service, endpoint), simulated) {
        (true, false) | (false, true) => Ok(()),
        (false, false) => Err(format!(
            "requests to {service} would go to {endpoint}, which is not AWS's endpoint; unset AWS_ENDPOINT_URL and \
             AWS_ENDPOINT_URL_{} and take endpoint_url out of the profile, or say --simulated if a simulator is meant",
            service.to_uppercase()
        )),
        (true, true) => Err(format!(
            "this run is simulated, but requests to {service} would go to AWS ({endpoint}); set AWS_ENDPOINT_URL to \
             the address of the simulator, or leave out --simulated"
        )),
    }
}

/// Whether a file may be fetched from this address: the simulator that was asked, or a host of AWS.
pub(super) fn fetchable(url: &str, asked: &str, simulated: bool) -> bool {
    let from = origin(url);
    let host = from.strip_prefix("https://").unwrap_or_default();
    let aws = host.ends_with(".amazonaws.com") || host.ends_with(".amazonaws.com.cn");
    if simulated { from == asked } else { aws && host.bytes().all(|b| b.is_ascii_alphanumeric() || b".-".contains(&b)) }
}

/// Scheme and host of a URL.
pub(super) fn origin(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    format!("{scheme}://{host}")
}

/// AWS's own: HTTPS, and a host that AWS gives to this service (not to a customer's machine).
fn is_aws(service: &str, endpoint: &str) -> bool {
    let Some(host) = endpoint.strip_prefix("https://") else { return false };
    let host = host.strip_suffix(":443").unwrap_or(host).to_ascii_lowercase();
    if !host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-')) {
        return false;
    }
    let mut labels = host.split('.').skip_while(|label| label.starts_with("vpce-"));
    let first = labels.next().unwrap_or_default();
    let named = first == service || first.strip_suffix("-fips") == Some(service);
    named && AWS_DOMAINS.iter().any(|domain| host.ends_with(domain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_hosts_that_aws_gives_to_the_service_are_awss() {
        for (service, endpoint) in [
            ("sts", "https://sts.amazonaws.com"),
            ("sts", "https://sts.eu-central-1.amazonaws.com"),
            ("sts", "https://sts-fips.us-east-1.amazonaws.com:443"),
            ("sts", "https://vpce-0ab-xyz.sts.us-east-1.vpce.amazonaws.com"),
            ("organizations", "https://organizations.us-east-1.amazonaws.com"),
            ("iam", "https://iam.cn-north-1.amazonaws.com.cn"),
        ] {
            assert!(is_aws(service, endpoint), "{endpoint}");
        }
        for (service, endpoint) in [
            ("sts", "http://sts.amazonaws.com"),
            ("sts", "https://sts.amazonaws.com.example.org"),
            ("sts", "https://sts.amazonaws.com@example.org"),
            ("sts", "https://sts.amazonaws.com:8443"),
            ("sts", "https://ec2-203-0-113-7.compute-1.amazonaws.com"),
            ("sts", "https://iam.amazonaws.com"),
            ("sts", "http://127.0.0.1:5000"),
            ("sts", "https://evilamazonaws.com"),
        ] {
            assert!(!is_aws(service, endpoint), "{endpoint}");
        }
    }

    #[test]
    fn files_are_fetched_from_aws_or_from_the_simulator_that_was_asked() {
        assert!(fetchable(
            "https://bucket.s3.amazonaws.com/a?X-Amz-Signature=1",
            "https://invoicing.us-east-1.api.aws",
            false
        ));
        for wrong in ["http://bucket.s3.amazonaws.com/", "https://amazonaws.com.example/", "https://u@x.amazonaws.com/"]
        {
            assert!(!fetchable(wrong, "https://invoicing.us-east-1.api.aws", false), "{wrong}");
        }
        assert!(fetchable("http://127.0.0.1:5000/x", "http://127.0.0.1:5000", true));
        assert!(!fetchable("https://bucket.s3.amazonaws.com/", "http://127.0.0.1:5000", true));
    }

    #[test]
    fn both_directions_are_refused_with_words() {
        assert!(allowed("sts", "http://127.0.0.1:5000", false).unwrap_err().contains("--simulated"));
        assert!(allowed("sts", "https://sts.amazonaws.com", true).unwrap_err().contains("AWS_ENDPOINT_URL"));
        assert_eq!(origin("http://127.0.0.1:5000/a?b"), "http://127.0.0.1:5000");
    }
}
