//! Actions of AWS Account Management: name, contacts, the root user's address and phone.

use super::action::{Action, Caller, Class, ErrorRow, Field, ProbeRead, Side, Type, Undo, UndoStep};
use super::errors::row;
use super::shapes::{CHANGE, READ, may, must};

pub(super) static ACTIONS: &[&Action] = &[
    &PUT_ACCOUNT_NAME,
    &PUT_CONTACT_INFORMATION,
    &PUT_ALTERNATE_CONTACT,
    &DELETE_ALTERNATE_CONTACT,
    &START_PRIMARY_EMAIL_UPDATE,
    &ACCEPT_PRIMARY_EMAIL_UPDATE,
    &SEND_PHONE_NUMBER_VERIFICATION,
    &VERIFY_PHONE_NUMBER,
    &GET_ACCOUNT_INFORMATION,
    &GET_CONTACT_INFORMATION,
    &GET_ALTERNATE_CONTACT,
    &GET_PRIMARY_EMAIL,
    &GET_PRIMARY_EMAIL_UPDATE_STATUS,
    &LIST_REGIONS,
];

const OF_A_MEMBER: Field = may(
    "AccountId",
    Type::AccountId,
    "a member, asked for by its management account, which needs trusted access for account.amazonaws.com; left out for the caller's own",
);
const MEMBER: Field = must(
    "AccountId",
    Type::AccountId,
    "a member; only its management account may ask, with trusted access for account.amazonaws.com",
);
const KIND: Field = must("AlternateContactType", Type::Choice(&["BILLING", "OPERATIONS", "SECURITY"]), "which contact");

const CONTACT: &[Field] = &[
    must("FullName", Type::String, "whom AWS writes to"),
    must("AddressLine1", Type::String, "street and number"),
    may("AddressLine2", Type::String, "more of the address"),
    may("AddressLine3", Type::String, "more of the address"),
    must("City", Type::String, "the city"),
    may("StateOrRegion", Type::String, "needed in some countries"),
    may("DistrictOrCounty", Type::String, "district or county"),
    must("PostalCode", Type::String, "postal code"),
    must("CountryCode", Type::String, "two letters (ISO 3166)"),
    must("PhoneNumber", Type::String, "`+`, country and number: who answers it can recover the account"),
    may("CompanyName", Type::String, "the company"),
    may("WebsiteUrl", Type::String, "the company's site"),
];

const ALTERNATE: &[Field] = &[
    may("Name", Type::String, "the contact's name"),
    may("Title", Type::String, "what the contact does"),
    may("EmailAddress", Type::Email, "gets what AWS writes about this subject"),
    may("PhoneNumber", Type::String, "is called about it"),
    may("AlternateContactType", Type::String, "BILLING, OPERATIONS or SECURITY"),
];

const STATUS: &[&str] = &["PENDING", "ACCEPTED", "COMPLETED", "FAILED"];
const PHONE: &[&str] = &["PENDING", "VERIFIED", "UNVERIFIED", "NOT_SUPPORTED"];

const GONE: ErrorRow = row(
    "ResourceNotFoundException",
    "",
    Class::NotDone,
    "there is no such account, or nothing of that kind is under way or set",
    "check account and step before it",
);
const TAKEN: ErrorRow = row(
    "ConflictException",
    "",
    Class::NotDone,
    "it does not fit what is there: the address is in use, or it is done already",
    "read the state, and choose another address if it is taken",
);
const WRONG_CODE: ErrorRow = row(
    "ValidationException",
    "",
    Class::NotDone,
    "a parameter is wrong, the one-time code perhaps",
    "read the newest code again; if it is too old, start the change once more",
);

static PUT_ACCOUNT_NAME: Action = Action {
    name: "account:PutAccountName",
    purpose: "Gives an account another name.",
    source: "https://docs.aws.amazon.com/accounts/latest/reference/API_PutAccountName.html",
    parameters: &[must("AccountName", Type::String, "the new name, 50 characters at most"), OF_A_MEMBER],
    probe: &[Side {
        name: "caller",
        reads: INFORMATION_NOW,
        done: "reads.account.answer != `null` && reads.account.answer.AccountName == with.AccountName",
        not_done: "reads.account.answer != `null` && reads.account.answer.AccountName != with.AccountName",
        output: "`{}`",
    }],
    undo: Undo::Impossible(
        "the old name is not in AWS's answer; a runbook that captured it (GetAccountInformation) puts it back with account:PutAccountName",
    ),
    ..CHANGE
};

static PUT_CONTACT_INFORMATION: Action = Action {
    name: "account:PutContactInformation",
    purpose: "Replaces the primary contact of an account: all of it, also what is left out.",
    source: "https://docs.aws.amazon.com/accounts/latest/reference/API_PutContactInformation.html",
    parameters: &[must("ContactInformation", Type::Record(CONTACT), "the new contact, whole"), OF_A_MEMBER],
    probe: &[Side {
        name: "caller",
        reads: &[ProbeRead { id: "contact", action: "account:GetContactInformation", with: ACCOUNT }],
        done: "reads.contact.answer != `null` && reads.contact.answer.ContactInformation == with.ContactInformation",
        not_done: "reads.contact.error == 'ResourceNotFoundException' || (reads.contact.answer != `null` \
                   && reads.contact.answer.ContactInformation != with.ContactInformation)",
        output: "`{}`",
    }],
    undo: Undo::Impossible(
        "the old contact is not in AWS's answer; a runbook that captured it (GetContactInformation) puts it back with account:PutContactInformation",
    ),
    lost: "that the phone number was verified, if it is another one",
    ..CHANGE
};

static PUT_ALTERNATE_CONTACT: Action = Action {
    name: "account:PutAlternateContact",
    purpose: "Sets (or replaces) the billing, operations or security contact of an account.",
    source: "https://docs.aws.amazon.com/accounts/latest/reference/API_PutAlternateContact.html",
    parameters: &[
        must("Name", Type::String, "the contact's name"),
        must("Title", Type::String, "what the contact does"),
        must("EmailAddress", Type::Email, "gets what AWS writes about this subject"),
        must("PhoneNumber", Type::String, "is called about it"),
        KIND,
        OF_A_MEMBER,
    ],
    probe: &[Side {
        name: "caller",
        reads: ALTERNATE_NOW,
        done: "reads.contact.answer != `null` \
               && reads.contact.answer.AlternateContact.EmailAddress == with.EmailAddress \
               && reads.contact.answer.AlternateContact.Name == with.Name \
               && reads.contact.answer.AlternateContact.Title == with.Title \
               && reads.contact.answer.AlternateContact.PhoneNumber == with.PhoneNumber",
        not_done: "reads.contact.error == 'ResourceNotFoundException' || (reads.contact.answer != `null` \
                   && (reads.contact.answer.AlternateContact.EmailAddress != with.EmailAddress \
                   || reads.contact.answer.AlternateContact.Name != with.Name \
                   || reads.contact.answer.AlternateContact.Title != with.Title \
                   || reads.contact.answer.AlternateContact.PhoneNumber != with.PhoneNumber))",
        output: "`{}`",
    }],
    undo: Undo::Usual(&[UndoStep {
        id: "delete",
        action: "account:DeleteAlternateContact",
        with: &[("AlternateContactType", "${with.AlternateContactType}"), ("AccountId", "${with.AccountId}")],
        done_if: &["ResourceNotFoundException"],
    }]),
    lost: "the contact of that kind that was there before (capture it, and write an undo of your own, if there is one)",
    ..CHANGE
};

static DELETE_ALTERNATE_CONTACT: Action = Action {
    name: "account:DeleteAlternateContact",
    purpose: "Takes the billing, operations or security contact of an account away.",
    source: "https://docs.aws.amazon.com/accounts/latest/reference/API_DeleteAlternateContact.html",
    parameters: &[KIND, OF_A_MEMBER],
    probe: &[Side {
        name: "caller",
        reads: ALTERNATE_NOW,
        done: "reads.contact.error == 'ResourceNotFoundException'",
        not_done: "reads.contact.answer.AlternateContact.EmailAddress != `null`",
        output: "`{}`",
    }],
    undo: Undo::Impossible(
        "the contact is gone; a runbook that captured it (GetAlternateContact) puts it back with account:PutAlternateContact",
    ),
    lost: "the contact",
    errors: &[row(
        "ResourceNotFoundException",
        "",
        Class::AlreadyDone,
        "there is no contact of that kind",
        "nothing, if this run took it away",
    )],
    ..CHANGE
};

static START_PRIMARY_EMAIL_UPDATE: Action = Action {
    name: "account:StartPrimaryEmailUpdate",
    purpose: "Asks for another address of a member's root user; AWS sends a code to the new mailbox.",
    source: "https://docs.aws.amazon.com/accounts/latest/reference/API_StartPrimaryEmailUpdate.html",
    caller: Caller::Management,
    parameters: &[MEMBER, must("PrimaryEmail", Type::Email, "the new address; in use for no AWS account")],
    outputs: &[may("Status", Type::Choice(STATUS), "PENDING: the code is under way")],
    // The status does not tell which address is asked for, so an earlier start can't be told from this one:
    // asking once more sends one more code and harms nothing.
    probe: &[Side {
        name: "caller",
        reads: EMAIL_STATUS_NOW,
        done: "reads.status.answer.Status == 'PENDING'",
        not_done: "reads.status.error == 'ResourceNotFoundException' || (reads.status.answer.Status != `null` \
                   && reads.status.answer.Status != 'PENDING')",
        output: "{Status: reads.status.answer.Status}",
    }],
    undo: Undo::NotNeeded("nothing changes until the code is accepted; it runs out by itself"),
    errors: &[TAKEN, GONE],
    ..CHANGE
};

static ACCEPT_PRIMARY_EMAIL_UPDATE: Action = Action {
    name: "account:AcceptPrimaryEmailUpdate",
    purpose: "Changes the address of a member's root user, with the code from the new mailbox.",
    source: "https://docs.aws.amazon.com/accounts/latest/reference/API_AcceptPrimaryEmailUpdate.html",
    caller: Caller::Management,
    parameters: &[
        MEMBER,
        must("PrimaryEmail", Type::Email, "the new address, as it was asked for"),
        must("Otp", Type::String, "the code of six characters that came to the new mailbox; it works once"),
    ],
    outputs: &[may("Status", Type::Choice(STATUS), "ACCEPTED, then COMPLETED")],
    probe: &[Side {
        name: "caller",
        reads: &[ProbeRead {
            id: "email",
            action: "account:GetPrimaryEmail",
            with: &[("AccountId", "${with.AccountId}")],
        }],
        done: "reads.email.answer != `null` && reads.email.answer.PrimaryEmail == with.PrimaryEmail",
        not_done: "reads.email.answer != `null` && reads.email.answer.PrimaryEmail != with.PrimaryEmail",
        output: "{Status: 'COMPLETED'}",
    }],
    undo: Undo::Impossible(
        "the old address comes back the same way: account:StartPrimaryEmailUpdate, and a person who reads the code in the old mailbox",
    ),
    lost: "the old mailbox as a way to recover the account",
    errors: &[WRONG_CODE, TAKEN, GONE],
    rate: Some((1.0, 1)),
    ..CHANGE
};

static SEND_PHONE_NUMBER_VERIFICATION: Action = Action {
    name: "account:SendPhoneNumberVerification",
    purpose: "Has AWS send a code to the phone number of an account's contact.",
    source: "https://docs.aws.amazon.com/accounts/latest/reference/API_SendPhoneNumberVerification.html",
    parameters: &[OF_A_MEMBER],
    outputs: &[may("Status", Type::Choice(PHONE), "PENDING: the code is under way")],
    probe: &[Side {
        name: "caller",
        reads: PHONE_NOW,
        done: "contains(['PENDING', 'VERIFIED'], reads.contact.answer.VerificationStatus || '')",
        not_done: "reads.contact.answer.VerificationStatus == 'UNVERIFIED'",
        output: "{Status: reads.contact.answer.VerificationStatus}",
    }],
    undo: Undo::NotNeeded("it sends a code; nothing else changes"),
    errors: &[TAKEN, GONE],
    ..CHANGE
};

static VERIFY_PHONE_NUMBER: Action = Action {
    name: "account:VerifyPhoneNumber",
    purpose: "Verifies the phone number of an account's contact with the code that was sent to it.",
    source: "https://docs.aws.amazon.com/accounts/latest/reference/API_VerifyPhoneNumber.html",
    parameters: &[must("Otp", Type::String, "the code of six characters; it works once"), OF_A_MEMBER],
    outputs: &[may("Status", Type::Choice(PHONE), "VERIFIED")],
    probe: &[Side {
        name: "caller",
        reads: PHONE_NOW,
        done: "reads.contact.answer.VerificationStatus == 'VERIFIED'",
        not_done: "contains(['PENDING', 'UNVERIFIED'], reads.contact.answer.VerificationStatus || '')",
        output: "{Status: 'VERIFIED'}",
    }],
    undo: Undo::NotNeeded("a verified number stands in nobody's way"),
    errors: &[WRONG_CODE, TAKEN, GONE],
    ..CHANGE
};

static GET_ACCOUNT_INFORMATION: Action = Action {
    name: "account:GetAccountInformation",
    purpose: "Tells name, age and state of an account.",
    source: "https://docs.aws.amazon.com/accounts/latest/reference/API_GetAccountInformation.html",
    parameters: &[OF_A_MEMBER],
    outputs: &[
        may("AccountId", Type::AccountId, "12 digits"),
        may("AccountName", Type::String, "as its owner chose it"),
        may("AccountCreatedDate", Type::Time, "from then on the four days count before it may leave"),
        may("AccountState", Type::Choice(&["PENDING_ACTIVATION", "ACTIVE", "SUSPENDED", "CLOSED"]), "how it stands"),
    ],
    rate: Some((3.0, 3)),
    ..READ
};

static GET_CONTACT_INFORMATION: Action = Action {
    name: "account:GetContactInformation",
    purpose: "Tells the primary contact of an account, and whether its phone number is verified.",
    source: "https://docs.aws.amazon.com/accounts/latest/reference/API_GetContactInformation.html",
    parameters: &[OF_A_MEMBER],
    outputs: &[
        may("ContactInformation", Type::Record(CONTACT), "the contact"),
        may("VerificationStatus", Type::Choice(PHONE), "of its phone number"),
    ],
    errors: &[GONE],
    ..READ
};

static GET_ALTERNATE_CONTACT: Action = Action {
    name: "account:GetAlternateContact",
    purpose: "Tells the billing, operations or security contact of an account.",
    source: "https://docs.aws.amazon.com/accounts/latest/reference/API_GetAlternateContact.html",
    parameters: &[KIND, OF_A_MEMBER],
    outputs: &[may("AlternateContact", Type::Record(ALTERNATE), "the contact")],
    errors: &[GONE],
    ..READ
};

static GET_PRIMARY_EMAIL: Action = Action {
    name: "account:GetPrimaryEmail",
    purpose: "Tells the address of a member's root user.",
    source: "https://docs.aws.amazon.com/accounts/latest/reference/API_GetPrimaryEmail.html",
    caller: Caller::Management,
    parameters: &[MEMBER],
    outputs: &[may("PrimaryEmail", Type::Email, "the root user's")],
    errors: &[GONE],
    rate: Some((3.0, 3)),
    ..READ
};

static GET_PRIMARY_EMAIL_UPDATE_STATUS: Action = Action {
    name: "account:GetPrimaryEmailUpdateStatus",
    purpose: "Tells how far the change of a root user's address is.",
    source: "https://docs.aws.amazon.com/accounts/latest/reference/API_GetPrimaryEmailUpdateStatus.html",
    parameters: &[OF_A_MEMBER],
    outputs: &[
        may("Status", Type::Choice(STATUS), "how far it is"),
        may("UpdatedAt", Type::Time, "when that became so"),
    ],
    errors: &[GONE],
    ..READ
};

type With = &'static [(&'static str, &'static str)];

const ACCOUNT: With = &[("AccountId", "${with.AccountId}")];
const INFORMATION_NOW: &[ProbeRead] =
    &[ProbeRead { id: "account", action: "account:GetAccountInformation", with: ACCOUNT }];
const PHONE_NOW: &[ProbeRead] = &[ProbeRead { id: "contact", action: "account:GetContactInformation", with: ACCOUNT }];
const EMAIL_STATUS_NOW: &[ProbeRead] =
    &[ProbeRead { id: "status", action: "account:GetPrimaryEmailUpdateStatus", with: ACCOUNT }];
const ALTERNATE_NOW: &[ProbeRead] = &[ProbeRead {
    id: "contact",
    action: "account:GetAlternateContact",
    with: &[("AlternateContactType", "${with.AlternateContactType}"), ("AccountId", "${with.AccountId}")],
}];

const REGION_STATES: &[&str] = &["ENABLED", "ENABLING", "DISABLING", "DISABLED", "ENABLED_BY_DEFAULT"];
const A_REGION: &[Field] = &[
    may("RegionName", Type::String, "for instance `eu-central-1`"),
    may("RegionOptStatus", Type::Choice(REGION_STATES), "whether the account uses it"),
];
static LIST_REGIONS: Action = Action {
    name: "account:ListRegions",
    purpose: "Lists the regions of an account, and which of them it uses.",
    source: "https://docs.aws.amazon.com/accounts/latest/reference/API_ListRegions.html",
    parameters: &[
        OF_A_MEMBER,
        may("RegionOptStatusContains", Type::List(&Type::Choice(REGION_STATES)), "only regions in one of these states"),
    ],
    outputs: &[may("Regions", Type::List(&Type::Record(A_REGION)), "all of them")],
    pages: Some("Regions"),
    ..READ
};
