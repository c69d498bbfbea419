//! Account Management: from an action's name and parameters to the SDK's call, and its answer as JSON.

use super::call::{Wire, one, pages};
use super::fault::invalid;
use super::shape::{With, maybe, object, text, time};
use crate::engine::port::Fault;
use aws_sdk_account::Client;
use aws_sdk_account::types::{AlternateContact, ContactInformation, Region};
use serde_json::{Value, json};

/// Performs the action, or says that it is not one of this service's.
pub(super) async fn perform(wire: &Wire<'_>, with: With<'_>) -> Option<Result<Value, Fault>> {
    let client = Client::new(wire.sdk());
    if wire.action.mutates {
        Box::pin(change(wire, &client, with)).await
    } else {
        Box::pin(read(wire, &client, with)).await
    }
}

async fn change(wire: &Wire<'_>, client: &Client, with: With<'_>) -> Option<Result<Value, Fault>> {
    let (account, email, code) = (with.text("AccountId"), with.text("PrimaryEmail"), with.text("Otp"));
    Some(match wire.action.name {
        "account:PutAccountName" => {
            let request = client.put_account_name().set_account_name(with.text("AccountName")).set_account_id(account);
            one!(wire, request, |_out| json!({}))
        }
        "account:PutContactInformation" => {
            let contact = match with.record("ContactInformation").map(build_contact).transpose() {
                Ok(contact) => contact,
                Err(fault) => return Some(Err(fault)),
            };
            let request = client.put_contact_information().set_contact_information(contact).set_account_id(account);
            one!(wire, request, |_out| json!({}))
        }
        "account:PutAlternateContact" => {
            let request = client
                .put_alternate_contact()
                .set_name(with.text("Name"))
                .set_title(with.text("Title"))
                .set_email_address(with.text("EmailAddress"))
                .set_phone_number(with.text("PhoneNumber"))
                .set_alternate_contact_type(with.choice("AlternateContactType"))
                .set_account_id(account);
            one!(wire, request, |_out| json!({}))
        }
        "account:DeleteAlternateContact" => {
            let request = client
                .delete_alternate_contact()
                .set_alternate_contact_type(with.choice("AlternateContactType"))
                .set_account_id(account);
            one!(wire, request, |_out| json!({}))
        }
        "account:StartPrimaryEmailUpdate" => {
            let request = client.start_primary_email_update().set_account_id(account).set_primary_email(email);
            one!(wire, request, |out| object([("Status", text(out.status()))]))
        }
        "account:AcceptPrimaryEmailUpdate" => {
            let request = client.accept_primary_email_update().set_account_id(account).set_primary_email(email);
            one!(wire, request.set_otp(code), |out| object([("Status", text(out.status()))]))
        }
        "account:SendPhoneNumberVerification" => {
            let request = client.send_phone_number_verification().set_account_id(account);
            one!(wire, request, |out| object([("Status", text(out.status()))]))
        }
        "account:VerifyPhoneNumber" => {
            let request = client.verify_phone_number().set_account_id(account).set_otp(code);
            one!(wire, request, |out| object([("Status", text(out.status()))]))
        }
        _ => return None,
    })
}

async fn read(wire: &Wire<'_>, client: &Client, with: With<'_>) -> Option<Result<Value, Fault>> {
    let account = with.text("AccountId");
    Some(match wire.action.name {
        "account:GetAccountInformation" => {
            one!(wire, client.get_account_information().set_account_id(account), |out| object([
                ("AccountId", text(out.account_id())),
                ("AccountName", text(out.account_name())),
                ("AccountCreatedDate", time(out.account_created_date())),
                ("AccountState", text(out.account_state())),
            ]))
        }
        "account:ListRegions" => {
            let states = with.choices("RegionOptStatusContains");
            let request = client.list_regions().set_account_id(account).set_region_opt_status_contains(states);
            pages!(wire, request, |out| out.regions(), region)
        }
        "account:GetContactInformation" => {
            one!(wire, client.get_contact_information().set_account_id(account), |out| object([
                ("ContactInformation", maybe(out.contact_information(), contact)),
                ("VerificationStatus", text(out.verification_status())),
            ]))
        }
        "account:GetAlternateContact" => {
            let request = client
                .get_alternate_contact()
                .set_alternate_contact_type(with.choice("AlternateContactType"))
                .set_account_id(account);
            one!(wire, request, |out| object([("AlternateContact", maybe(out.alternate_contact(), alternate))]))
        }
        "account:GetPrimaryEmail" => {
            let request = client.get_primary_email().set_account_id(account);
            one!(wire, request, |out| object([("PrimaryEmail", text(out.primary_email()))]))
        }
        "account:GetPrimaryEmailUpdateStatus" => {
            let request = client.get_primary_email_update_status().set_account_id(account);
            one!(wire, request, |out| object([
                ("Status", text(Some(out.status()))),
                ("UpdatedAt", time(out.updated_at())),
            ]))
        }
        _ => return None,
    })
}

fn build_contact(with: With<'_>) -> Result<ContactInformation, Fault> {
    ContactInformation::builder()
        .set_full_name(with.text("FullName"))
        .set_address_line1(with.text("AddressLine1"))
        .set_address_line2(with.text("AddressLine2"))
        .set_address_line3(with.text("AddressLine3"))
        .set_city(with.text("City"))
        .set_state_or_region(with.text("StateOrRegion"))
        .set_district_or_county(with.text("DistrictOrCounty"))
        .set_postal_code(with.text("PostalCode"))
        .set_country_code(with.text("CountryCode"))
        .set_phone_number(with.text("PhoneNumber"))
        .set_company_name(with.text("CompanyName"))
        .set_website_url(with.text("WebsiteUrl"))
        .build()
        .map_err(|error| invalid(error.to_string()))
}

fn contact(it: &ContactInformation) -> Value {
    object([
        ("FullName", text(Some(it.full_name()))),
        ("AddressLine1", text(Some(it.address_line1()))),
        ("AddressLine2", text(it.address_line2())),
        ("AddressLine3", text(it.address_line3())),
        ("City", text(Some(it.city()))),
        ("StateOrRegion", text(it.state_or_region())),
        ("DistrictOrCounty", text(it.district_or_county())),
        ("PostalCode", text(Some(it.postal_code()))),
        ("CountryCode", text(Some(it.country_code()))),
        ("PhoneNumber", text(Some(it.phone_number()))),
        ("CompanyName", text(it.company_name())),
        ("WebsiteUrl", text(it.website_url())),
    ])
}

fn region(it: &Region) -> Value {
    object([("RegionName", text(it.region_name())), ("RegionOptStatus", text(it.region_opt_status()))])
}

fn alternate(it: &AlternateContact) -> Value {
    object([
        ("Name", text(it.name())),
        ("Title", text(it.title())),
        ("EmailAddress", text(it.email_address())),
        ("PhoneNumber", text(it.phone_number())),
        ("AlternateContactType", text(it.alternate_contact_type())),
    ])
}
