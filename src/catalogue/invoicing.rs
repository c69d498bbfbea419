//! Actions of AWS Invoicing: what must be kept before an account moves, because it can't be seen afterwards.

use super::action::{Action, Class, ErrorRow, Field, Type};
use super::errors::row;
use super::shapes::{READ, hidden, may, must};

pub(super) static ACTIONS: &[&Action] = &[&LIST_INVOICE_SUMMARIES, &GET_INVOICE_PDF];

const SELECTOR: &[Field] = &[
    must("ResourceType", Type::Choice(&["ACCOUNT_ID", "INVOICE_ID"]), "what `Value` is"),
    must("Value", Type::String, "an account id or an invoice id"),
];
const BILLING_PERIOD: &[Field] = &[must("Month", Type::Integer, "1 to 12"), must("Year", Type::Integer, "four digits")];
const FILTER: &[Field] = &[
    may("BillingPeriod", Type::Record(BILLING_PERIOD), "only this month"),
    may("InvoicingEntity", Type::String, "only invoices of this company"),
];
const AMOUNT: &[Field] = &[
    may("TotalAmount", Type::String, "with taxes"),
    may("TotalAmountBeforeTax", Type::String, "without"),
    may("CurrencyCode", Type::String, "for instance `USD`"),
];
const ENTITY: &[Field] = &[may("InvoicingEntity", Type::String, "which company of AWS sends it")];
const SUMMARY: &[Field] = &[
    may("AccountId", Type::AccountId, "whose it is"),
    may("InvoiceId", Type::String, "its number"),
    may("IssuedDate", Type::Time, "when it was issued"),
    may("DueDate", Type::Time, "when it is due"),
    may("Entity", Type::Record(ENTITY), "who sends it"),
    may("BillingPeriod", Type::Record(BILLING_PERIOD), "for which month"),
    may("InvoiceType", Type::String, "INVOICE, CREDIT_MEMO or RECEIPT"),
    may("OriginalInvoiceId", Type::String, "of a credit memo"),
    may("PurchaseOrderNumber", Type::String, "the customer's own number"),
    may("BaseCurrencyAmount", Type::Record(AMOUNT), "how much it is"),
    may("PaymentCurrencyAmount", Type::Record(AMOUNT), "how much is paid"),
];

const NO_INVOICE: ErrorRow = row(
    "ResourceNotFoundException",
    "",
    Class::NotDone,
    "there is no such invoice or account, or it is not the caller's to see",
    "check the id and the session's account",
);

static LIST_INVOICE_SUMMARIES: Action = Action {
    name: "invoicing:ListInvoiceSummaries",
    purpose: "Lists the invoices of an account.",
    source: "https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_invoicing_ListInvoiceSummaries.html",
    parameters: &[
        must("Selector", Type::Record(SELECTOR), "whose, or which one"),
        may("Filter", Type::Record(FILTER), "only some"),
    ],
    outputs: &[may("InvoiceSummaries", Type::List(&Type::Record(SUMMARY)), "all of them")],
    errors: &[NO_INVOICE],
    pages: Some("InvoiceSummaries"),
    ..READ
};

const DOCUMENT: &[Field] = &[
    may("MediaType", Type::String, "for instance `application/pdf`"),
    may("Size", Type::Integer, "bytes"),
    may("Sha256", Type::String, "of the file, in hexadecimal"),
    may("Base64", Type::String, "the file itself"),
];
const PDF: &[Field] = &[
    may("InvoiceId", Type::String, "its number"),
    hidden("DocumentUrl", Type::String, "where the file is, for a while; whoever has the address has the file"),
    may("DocumentUrlExpirationDate", Type::Time, "until when"),
    may("Document", Type::Record(DOCUMENT), "the file, fetched: it stays in the journal"),
];

static GET_INVOICE_PDF: Action = Action {
    name: "invoicing:GetInvoicePDF",
    purpose: "Fetches the file of an invoice and keeps it, with its digest, in the journal.",
    source: "https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_invoicing_GetInvoicePDF.html",
    parameters: &[must("InvoiceId", Type::String, "its number")],
    outputs: &[may("InvoicePDF", Type::Record(PDF), "the invoice")],
    errors: &[NO_INVOICE],
    time_limit: 60_000,
    ..READ
};
