//! AWS Invoicing: which invoices an account has, and where their files are.

use super::state::{Invoice, SECRET, scatter};
use super::wire::{AwsError, epoch};
use super::world::is_account_id;
use super::{Call, Operation};
use crate::base::Time;
use serde_json::{Value, json};

type Done = Result<Value, AwsError>;

/// How long the address of a file works.
const LIFE: i64 = 3_600_000;

/// The operation of that name.
pub(super) fn operation(name: &str) -> Option<Operation> {
    let read = |run: fn(&mut Call<'_>) -> Done| Operation { writes: false, run };
    Some(match name {
        "ListInvoiceSummaries" => read(list),
        "GetInvoicePDF" => read(file),
        _ => return None,
    })
}

fn invalid(message: &str) -> AwsError {
    AwsError::json("ValidationException", message)
}

fn not_found() -> AwsError {
    AwsError::json("ResourceNotFoundException", "There is no such invoice or account.")
}

/// Accounts whose bills the caller sees: its own, and those of the organization that it manages.
fn sees(call: &Call<'_>, account: &str) -> bool {
    let own = &call.caller.account;
    let managed = call.state.organization_of(own).filter(|one| one.management == *own);
    account == own || managed.is_some_and(|one| call.state.organization_of(account).is_some_and(|o| o.id == one.id))
}

fn list(call: &mut Call<'_>) -> Done {
    let selector = call.input.get("Selector").filter(|given| given.is_object());
    let selector = selector.ok_or_else(|| invalid("Selector is required."))?;
    let text = |name: &str| selector.get(name).and_then(Value::as_str).unwrap_or("");
    let value = text("Value");
    let wanted = match text("ResourceType") {
        "ACCOUNT_ID" if is_account_id(value) => Wanted::Account(value),
        "INVOICE_ID" if !value.is_empty() => Wanted::Invoice(value),
        _ => return Err(invalid("Selector names an ACCOUNT_ID or an INVOICE_ID.")),
    };
    let mut shown = Vec::new();
    match wanted {
        Wanted::Account(id) => {
            let found = call.state.accounts.get(id).filter(|_| sees(call, id)).ok_or_else(not_found)?;
            let period = period(call.input)?;
            let meant = |one: &&Invoice| period.as_ref().is_none_or(|wanted| *wanted == one.period);
            shown.extend(found.inside.invoices.iter().filter(meant).map(|one| summary(id, one)));
        }
        Wanted::Invoice(id) => {
            let (account, one) = find(call, id).ok_or_else(not_found)?;
            shown.push(summary(account, one));
        }
    }
    page(call, shown)
}

enum Wanted<'a> {
    Account(&'a str),
    Invoice(&'a str),
}

/// `2026-01` of the filter's billing period.
fn period(input: &Value) -> Result<Option<String>, AwsError> {
    let Some(period) = input.pointer("/Filter/BillingPeriod").filter(|period| !period.is_null()) else {
        return Ok(None);
    };
    match (period["Year"].as_i64(), period["Month"].as_i64()) {
        (Some(year), Some(month @ 1..=12)) => Ok(Some(format!("{year:04}-{month:02}"))),
        _ => Err(invalid("BillingPeriod has a Year and a Month.")),
    }
}

fn page(call: &Call<'_>, items: Vec<Value>) -> Done {
    let size = match call.input.get("MaxResults") {
        None | Some(Value::Null) => 100,
        Some(value) => {
            value.as_u64().filter(|size| (1..=100).contains(size)).ok_or_else(|| invalid("MaxResults"))? as usize
        }
    };
    let from = match call.input.get("NextToken").and_then(Value::as_str) {
        None => 0,
        Some(token) => token
            .strip_prefix("page-")
            .and_then(|from| from.parse::<usize>().ok())
            .filter(|from| *from <= items.len())
            .ok_or_else(|| invalid("NextToken is not valid."))?,
    };
    let to = from.saturating_add(size).min(items.len());
    let mut answer = json!({"InvoiceSummaries": items[from..to]});
    if to < items.len() {
        answer["NextToken"] = json!(format!("page-{to}"));
    }
    Ok(answer)
}

fn find<'a>(call: &'a Call<'_>, id: &str) -> Option<(&'a str, &'a Invoice)> {
    let mut all = call.state.accounts.values().filter(|account| sees(call, &account.id));
    all.find_map(|account| {
        Some((account.id.as_str(), account.inside.invoices.iter().find(|invoice| invoice.id == id)?))
    })
}

fn summary(account: &str, invoice: &Invoice) -> Value {
    let number = |from: usize, to: usize| invoice.period.get(from..to).and_then(|text| text.parse::<i64>().ok());
    json!({
        "AccountId": account, "InvoiceId": invoice.id, "IssuedDate": epoch(invoice.issued),
        "DueDate": epoch(invoice.issued), "InvoiceType": "INVOICE",
        "Entity": {"InvoicingEntity": "Amazon Web Services, Inc."},
        "BillingPeriod": {"Year": number(0, 4), "Month": number(5, 7)},
        "BaseCurrencyAmount": {"TotalAmount": invoice.amount, "CurrencyCode": "USD"},
    })
}

fn file(call: &mut Call<'_>) -> Done {
    let id = call.input.get("InvoiceId").and_then(Value::as_str).filter(|id| !id.is_empty());
    let id = id.ok_or_else(|| invalid("InvoiceId is required."))?;
    let (_, invoice) = find(call, id).ok_or_else(not_found)?;
    let until = call.now.plus(LIFE);
    let key = file_key(call.settings.seed, &invoice.id, until);
    // The host is put in on the way out: it is where the simulator listens.
    let url = format!("{}/_countersign/invoice/{}/{}/{key}", call.origin, invoice.id, until.0);
    Ok(json!({"InvoicePDF": {
        "InvoiceId": invoice.id, "DocumentUrl": url, "DocumentUrlExpirationDate": epoch(until),
    }}))
}

/// What makes the address of a file one that only AWS can have given.
pub(super) fn file_key(seed: u64, invoice: &str, until: Time) -> String {
    scatter(seed, &format!("invoice {invoice} {}", until.0), SECRET, 32)
}

/// The file itself: a small PDF that says which invoice it is.
pub(super) fn pdf(invoice: &Invoice) -> Vec<u8> {
    let words =
        format!("BT /F1 12 Tf 72 720 Td (Invoice {} {} USD {}) Tj ET", invoice.id, invoice.period, invoice.amount);
    format!("%PDF-1.4\n1 0 obj << /Length {} >> stream\n{words}\nendstream endobj\n%%EOF\n", words.len()).into_bytes()
}
