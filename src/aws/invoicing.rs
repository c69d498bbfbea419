//! Invoicing: from an action's name and parameters to the SDK's call, and its answer as JSON. The file of an invoice is
//! fetched from the address that AWS gives, once, and comes back as part of the answer; the address does not.

use super::call::{Wire, pages};
use super::fault::{invalid, unreadable};
use super::shape::{With, maybe, object, text, time};
use crate::base::Digest;
use crate::engine::port::Fault;
use aws_sdk_invoicing::Client;
use aws_sdk_invoicing::types::{
    BillingPeriod, Entity, InvoiceCurrencyAmount, InvoicePdf, InvoiceSummariesFilter, InvoiceSummariesSelector,
    InvoiceSummary,
};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::http::{HttpClient, HttpConnector, HttpConnectorSettings};
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::BeforeTransmitInterceptorContextRef;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use aws_smithy_types::config_bag::ConfigBag;
use base64::Engine as _;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The largest file that is kept, and how long fetching it may take.
const LARGEST: usize = 8 * 1024 * 1024;
const PATIENCE: Duration = Duration::from_secs(60);

/// Performs the action, or says that it is not one of this service's.
pub(super) async fn perform(wire: &Wire<'_>, with: With<'_>) -> Option<Result<Value, Fault>> {
    let client = Client::new(wire.sdk());
    Some(match wire.action.name {
        "invoicing:ListInvoiceSummaries" => Box::pin(list(wire, &client, with)).await,
        "invoicing:GetInvoicePDF" => Box::pin(file(wire, &client, with)).await,
        _ => return None,
    })
}

async fn list(wire: &Wire<'_>, client: &Client, with: With<'_>) -> Result<Value, Fault> {
    let selector = with.record("Selector").map(|selector| {
        let builder = InvoiceSummariesSelector::builder();
        let builder = builder.set_resource_type(selector.choice("ResourceType")).set_value(selector.text("Value"));
        builder.build().map_err(|error| invalid(error.to_string()))
    });
    let filter = with.record("Filter").map(build_filter).transpose()?;
    let request = client.list_invoice_summaries().set_selector(selector.transpose()?).set_filter(filter);
    pages!(wire, request, |out| out.invoice_summaries(), summary)
}

fn build_filter(with: With<'_>) -> Result<InvoiceSummariesFilter, Fault> {
    let period = with.record("BillingPeriod").map(|period| {
        let builder = BillingPeriod::builder().set_month(period.integer("Month")).set_year(period.integer("Year"));
        builder.build().map_err(|error| invalid(error.to_string()))
    });
    let builder = InvoiceSummariesFilter::builder().set_billing_period(period.transpose()?);
    Ok(builder.set_invoicing_entity(with.text("InvoicingEntity")).build())
}

fn summary(it: &InvoiceSummary) -> Value {
    object([
        ("AccountId", text(it.account_id())),
        ("InvoiceId", text(it.invoice_id())),
        ("IssuedDate", time(it.issued_date())),
        ("DueDate", time(it.due_date())),
        ("Entity", maybe(it.entity(), entity)),
        ("BillingPeriod", maybe(it.billing_period(), period)),
        ("InvoiceType", text(it.invoice_type())),
        ("OriginalInvoiceId", text(it.original_invoice_id())),
        ("PurchaseOrderNumber", text(it.purchase_order_number())),
        ("BaseCurrencyAmount", maybe(it.base_currency_amount(), amount)),
        ("PaymentCurrencyAmount", maybe(it.payment_currency_amount(), amount)),
    ])
}

fn entity(it: &Entity) -> Value {
    object([("InvoicingEntity", text(it.invoicing_entity()))])
}

fn period(it: &BillingPeriod) -> Value {
    json!({"Month": it.month(), "Year": it.year()})
}

fn amount(it: &InvoiceCurrencyAmount) -> Value {
    object([
        ("TotalAmount", text(it.total_amount())),
        ("TotalAmountBeforeTax", text(it.total_amount_before_tax())),
        ("CurrencyCode", text(it.currency_code())),
    ])
}

/// Keeps what the SDK sends with, so that the file is fetched in the same way.
#[derive(Clone, Debug, Default)]
struct Parts(Arc<Mutex<Option<RuntimeComponents>>>);

impl Intercept for Parts {
    fn name(&self) -> &'static str {
        "Parts"
    }

    fn read_before_transmit(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        components: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(components.clone());
        Ok(())
    }
}

async fn file(wire: &Wire<'_>, client: &Client, with: With<'_>) -> Result<Value, Fault> {
    let parts = Parts::default();
    wire.pace().await;
    let request = client.get_invoice_pdf().set_invoice_id(with.text("InvoiceId"));
    let request = request.customize().interceptor(wire.seen.clone()).interceptor(parts.clone());
    let out = wire.judge(request.send().await)?;
    let pdf = out.invoice_pdf().ok_or_else(|| unreadable(wire.action, "AWS's answer has no InvoicePDF"))?;
    let url = pdf.document_url().ok_or_else(|| unreadable(wire.action, "AWS's answer has no address of a file"))?;
    let document = fetch(wire, url, &parts).await?;
    Ok(json!({"InvoicePDF": shown(pdf, document)}))
}

fn shown(it: &InvoicePdf, document: Value) -> Value {
    object([
        ("InvoiceId", text(it.invoice_id())),
        ("DocumentUrl", text(it.document_url())),
        ("DocumentUrlExpirationDate", time(it.document_url_expiration_date())),
        ("Document", document),
    ])
}

/// The file behind a pre-signed address. Nothing of the address is said: whoever has it has the file.
async fn fetch(wire: &Wire<'_>, url: &str, parts: &Parts) -> Result<Value, Fault> {
    let failed = |why: &str| unreadable(wire.action, &format!("the invoice's file could not be fetched: {why}"));
    if !wire.seen.may_fetch(url) {
        return Err(failed("its address is not one of this run's AWS"));
    }
    let components = parts.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let client = components.as_ref().and_then(RuntimeComponents::http_client);
    let (Some(components), Some(client)) = (components, client) else { return Err(failed("nothing to fetch it with")) };
    let settings = HttpConnectorSettings::builder().connect_timeout(PATIENCE).read_timeout(PATIENCE).build();
    let mut request = HttpRequest::new(SdkBody::empty());
    request.set_uri(url.to_owned()).map_err(|_| failed("its address cannot be read"))?;
    request.set_method("GET").map_err(|_| failed("its address cannot be read"))?;
    let connector = client.http_connector(&settings, &components);
    let answer = connector.call(request).await.map_err(|_| failed("no answer"))?;
    if answer.status().as_u16() != 200 {
        return Err(failed(&format!("HTTP status {}", answer.status().as_u16())));
    }
    let kind = answer.headers().get("content-type").unwrap_or("application/pdf").chars().take(100).collect::<String>();
    let mut stream = ByteStream::new(answer.into_body());
    let mut bytes = Vec::new();
    while let Some(part) = stream.next().await {
        bytes.extend_from_slice(&part.map_err(|_| failed("the connection was lost"))?);
        if bytes.len() > LARGEST {
            return Err(failed("it is larger than 8 MiB"));
        }
    }
    Ok(json!({
        "MediaType": kind, "Size": bytes.len(), "Sha256": Digest::of(&bytes).hex(),
        "Base64": base64::engine::general_purpose::STANDARD.encode(&bytes),
    }))
}
