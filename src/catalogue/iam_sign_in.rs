//! Actions of IAM on ways to sign in: passwords, MFA devices, the account's alias. Without `UserName` some of them
//! are about whoever asks: in a session of `sts:AssumeRoot` that is the root user of a member account.

use super::action::{Action, Class, Field, Hazard, ProbeRead, Repeat, Side, Type, Undo, UndoStep};
use super::errors::row;
use super::iam::{CHANGE, USER};
use super::shapes::{READ, TAG, hidden, may, must};

pub(super) static ACTIONS: &[&Action] = &[
    &CREATE_LOGIN_PROFILE,
    &DELETE_LOGIN_PROFILE,
    &CREATE_VIRTUAL_MFA_DEVICE,
    &DELETE_VIRTUAL_MFA_DEVICE,
    &ENABLE_MFA_DEVICE,
    &DEACTIVATE_MFA_DEVICE,
    &CREATE_ACCOUNT_ALIAS,
    &DELETE_ACCOUNT_ALIAS,
    &GET_LOGIN_PROFILE,
    &LIST_MFA_DEVICES,
    &LIST_VIRTUAL_MFA_DEVICES,
    &LIST_ACCOUNT_ALIASES,
];

const OR_ROOT: Field = may("UserName", Type::UserName, "the user; left out in a root session: the root user");
const SERIAL: Field = must("SerialNumber", Type::String, "the device's serial number or ARN");

const LOGIN_PROFILE: &[Field] = &[
    may("UserName", Type::UserName, "whose it is"),
    may("CreateDate", Type::Time, "when it was made"),
    may("PasswordResetRequired", Type::Boolean, "a new password must be chosen at the next sign-in"),
];
const MFA_DEVICE: &[Field] = &[
    may("UserName", Type::UserName, "who uses it"),
    may("SerialNumber", Type::String, "serial number or ARN"),
    may("EnableDate", Type::Time, "since when"),
];
const VIRTUAL_MFA_DEVICE: &[Field] = &[
    may("SerialNumber", Type::String, "its ARN"),
    may("User", Type::Record(USER), "who uses it"),
    may("EnableDate", Type::Time, "since when"),
];
const NEW_MFA_DEVICE: &[Field] = &[
    may("SerialNumber", Type::String, "its ARN"),
    hidden("Base32StringSeed", Type::String, "what an authenticator is told; given once, and never again"),
    hidden("QRCodePNG", Type::String, "the same as a picture (base64)"),
];

static CREATE_LOGIN_PROFILE: Action = Action {
    name: "iam:CreateLoginProfile",
    purpose: "Gives a user a password for the console; in a root session, lets the root user set one by email again.",
    source: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateLoginProfile.html",
    parameters: &[
        OR_ROOT,
        hidden("Password", Type::String, "the first password, from a `secret` parameter; left out for the root user"),
        may("PasswordResetRequired", Type::Boolean, "a new one must be chosen at the first sign-in"),
    ],
    outputs: &[may("LoginProfile", Type::Record(LOGIN_PROFILE), "the new one, without the password")],
    probe: &[Side {
        name: "caller",
        reads: THE_PROFILE,
        done: "reads.profile.answer.LoginProfile.CreateDate != `null`",
        not_done: "reads.profile.error == 'NoSuchEntity'",
        output: "{LoginProfile: reads.profile.answer.LoginProfile}",
    }],
    undo: Undo::Usual(&[UndoStep {
        id: "delete",
        action: "iam:DeleteLoginProfile",
        with: &[("UserName", "${with.UserName}")],
        done_if: &["NoSuchEntity"],
    }]),
    errors: &[
        row(
            "EntityAlreadyExists",
            "",
            Class::AlreadyDone,
            "there is a password already",
            "nothing, if this run set it",
        ),
        row(
            "PasswordPolicyViolation",
            "",
            Class::NotDone,
            "the password is too weak for the account's rules",
            "choose a longer one",
        ),
    ],
    ..CHANGE
};

static DELETE_LOGIN_PROFILE: Action = Action {
    name: "iam:DeleteLoginProfile",
    purpose: "Takes the console password from a user; in a root session, from the root user.",
    source: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteLoginProfile.html",
    parameters: &[OR_ROOT],
    hazards: &[Hazard::RemovesAccess],
    probe: &[Side {
        name: "caller",
        reads: THE_PROFILE,
        done: "reads.profile.error == 'NoSuchEntity'",
        not_done: "reads.profile.answer.LoginProfile.CreateDate != `null`",
        output: "`{}`",
    }],
    undo: Undo::Impossible(
        "nobody has the old password; iam:CreateLoginProfile gives a user a new one, and lets a root user set one by email",
    ),
    lost: "the password",
    errors: &[row(
        "NoSuchEntity",
        "",
        Class::AlreadyDone,
        "there is no such user, or no password",
        "nothing, if this run took it away",
    )],
    ..CHANGE
};

static CREATE_VIRTUAL_MFA_DEVICE: Action = Action {
    name: "iam:CreateVirtualMFADevice",
    purpose: "Makes a virtual MFA device, which nobody uses yet; AWS gives its seed once.",
    source: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateVirtualMFADevice.html",
    parameters: &[
        must("VirtualMFADeviceName", Type::String, "unique in the account"),
        may("Path", Type::String, "`/` unless said otherwise"),
        may("Tags", Type::List(&Type::Record(TAG)), "put on the device"),
    ],
    outputs: &[may(
        "VirtualMFADevice",
        Type::Record(NEW_MFA_DEVICE),
        "the device; the seed goes where `secret_to` says",
    )],
    // Without AWS's answer nothing tells whose device of that name it is, and its seed is lost: people look.
    probe: &[Side {
        name: "caller",
        reads: VIRTUAL_NOW,
        done: "output.VirtualMFADevice.SerialNumber != `null` && reads.devices.answer != `null` \
               && contains(reads.devices.answer.VirtualMFADevices[].SerialNumber, output.VirtualMFADevice.SerialNumber)",
        not_done: "`false`",
        output: "",
    }],
    repeat: Repeat::MakesAnother,
    undo: Undo::Usual(&[UndoStep {
        id: "delete",
        action: "iam:DeleteVirtualMFADevice",
        with: &[("SerialNumber", "${output.VirtualMFADevice.SerialNumber}")],
        done_if: &["NoSuchEntity"],
    }]),
    lost: "the seed, if the answer is lost: then the device is deleted and another one made",
    errors: &[row(
        "EntityAlreadyExists",
        "",
        Class::NotDone,
        "there is a device of that name, whose seed nobody can read any more",
        "delete it if it is this run's, or choose another name",
    )],
    ..CHANGE
};

static DELETE_VIRTUAL_MFA_DEVICE: Action = Action {
    name: "iam:DeleteVirtualMFADevice",
    purpose: "Deletes a virtual MFA device that nobody uses (any more).",
    source: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteVirtualMFADevice.html",
    parameters: &[SERIAL],
    probe: &[Side {
        name: "caller",
        reads: VIRTUAL_NOW,
        done: "reads.devices.answer != `null` \
               && !contains(reads.devices.answer.VirtualMFADevices[].SerialNumber, with.SerialNumber)",
        not_done: "reads.devices.answer != `null` \
                   && contains(reads.devices.answer.VirtualMFADevices[].SerialNumber, with.SerialNumber)",
        output: "`{}`",
    }],
    undo: Undo::NotNeeded("nobody signs in with a device that is not in use; another one can be made"),
    lost: "the seed",
    errors: &[
        row("NoSuchEntity", "", Class::AlreadyDone, "there is no such device", "nothing, if this run deleted it"),
        row("DeleteConflict", "", Class::NotDone, "somebody still uses it", "deactivate it first"),
    ],
    ..CHANGE
};

static ENABLE_MFA_DEVICE: Action = Action {
    name: "iam:EnableMFADevice",
    purpose: "Ties an MFA device to a user, with two codes that follow each other.",
    source: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_EnableMFADevice.html",
    parameters: &[
        must("UserName", Type::UserName, "the user"),
        SERIAL,
        must("AuthenticationCode1", Type::String, "six digits that the device shows; they work once"),
        must("AuthenticationCode2", Type::String, "the six digits after those"),
    ],
    probe: &[Side { name: "caller", reads: DEVICES_NOW, done: IN_USE, not_done: NOT_IN_USE, output: "`{}`" }],
    undo: Undo::Usual(&[UndoStep {
        id: "deactivate",
        action: "iam:DeactivateMFADevice",
        with: &[("UserName", "${with.UserName}"), ("SerialNumber", "${with.SerialNumber}")],
        done_if: &["NoSuchEntity"],
    }]),
    errors: &[
        row(
            "InvalidAuthenticationCode",
            "",
            Class::NotDone,
            "the codes are wrong, too old or do not follow each other",
            "read two new codes, one after the other; check the device's clock",
        ),
        row(
            "EntityAlreadyExists",
            "",
            Class::AlreadyDone,
            "the device is in use already",
            "nothing, if this run tied it to this user",
        ),
    ],
    ..CHANGE
};

static DEACTIVATE_MFA_DEVICE: Action = Action {
    name: "iam:DeactivateMFADevice",
    purpose: "Takes an MFA device from a user; in a root session, from the root user.",
    source: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeactivateMFADevice.html",
    parameters: &[OR_ROOT, SERIAL],
    hazards: &[Hazard::RemovesAccess],
    probe: &[Side { name: "caller", reads: DEVICES_NOW, done: NOT_IN_USE, not_done: IN_USE, output: "`{}`" }],
    undo: Undo::Impossible(
        "whoever holds the device must type two of its codes again (iam:EnableMFADevice); for a root user, in the console",
    ),
    lost: "the second factor, until somebody ties a device again",
    errors: &[row(
        "NoSuchEntity",
        "",
        Class::AlreadyDone,
        "there is no such user, or the device is not theirs",
        "nothing, if this run took it away",
    )],
    ..CHANGE
};

static CREATE_ACCOUNT_ALIAS: Action = Action {
    name: "iam:CreateAccountAlias",
    purpose: "Gives the account a name in the sign-in address; one that it had is replaced.",
    source: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateAccountAlias.html",
    parameters: &[must("AccountAlias", Type::String, "unique in all of AWS; small letters, digits, hyphens")],
    probe: &[Side { name: "caller", reads: ALIASES_NOW, done: HAS_ALIAS, not_done: HAS_NO_ALIAS, output: "`{}`" }],
    undo: Undo::Usual(&[UndoStep {
        id: "delete",
        action: "iam:DeleteAccountAlias",
        with: &[("AccountAlias", "${with.AccountAlias}")],
        done_if: &["NoSuchEntity"],
    }]),
    lost: "the alias that the account had before, which anybody may take meanwhile (capture it with ListAccountAliases)",
    errors: &[row(
        "EntityAlreadyExists",
        "",
        Class::AlreadyDone,
        "some account has this alias",
        "nothing, if this run gave it; else choose another one",
    )],
    ..CHANGE
};

static DELETE_ACCOUNT_ALIAS: Action = Action {
    name: "iam:DeleteAccountAlias",
    purpose: "Takes the account's name out of the sign-in address.",
    source: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteAccountAlias.html",
    parameters: &[must("AccountAlias", Type::String, "the alias that it has")],
    probe: &[Side { name: "caller", reads: ALIASES_NOW, done: HAS_NO_ALIAS, not_done: HAS_ALIAS, output: "`{}`" }],
    undo: Undo::Usual(&[UndoStep {
        id: "create",
        action: "iam:CreateAccountAlias",
        with: &[("AccountAlias", "${with.AccountAlias}")],
        done_if: &[],
    }]),
    lost: "the alias, if somebody else takes it meanwhile",
    errors: &[row(
        "NoSuchEntity",
        "",
        Class::AlreadyDone,
        "the account has no such alias",
        "nothing, if this run took it away",
    )],
    ..CHANGE
};

static GET_LOGIN_PROFILE: Action = Action {
    name: "iam:GetLoginProfile",
    purpose: "Tells whether a user has a console password; in a root session, whether the root user has.",
    source: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetLoginProfile.html",
    parameters: &[OR_ROOT],
    outputs: &[may("LoginProfile", Type::Record(LOGIN_PROFILE), "without the password")],
    ..READ
};

static LIST_MFA_DEVICES: Action = Action {
    name: "iam:ListMFADevices",
    purpose: "Lists the MFA devices of a user; in a root session, the root user's.",
    source: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListMFADevices.html",
    parameters: &[OR_ROOT],
    outputs: &[may("MFADevices", Type::List(&Type::Record(MFA_DEVICE)), "all of them")],
    pages: Some("MFADevices"),
    ..READ
};

static LIST_VIRTUAL_MFA_DEVICES: Action = Action {
    name: "iam:ListVirtualMFADevices",
    purpose: "Lists the virtual MFA devices of the account, without their seeds.",
    source: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListVirtualMFADevices.html",
    parameters: &[may(
        "AssignmentStatus",
        Type::Choice(&["Assigned", "Unassigned", "Any"]),
        "Any unless said otherwise",
    )],
    outputs: &[may("VirtualMFADevices", Type::List(&Type::Record(VIRTUAL_MFA_DEVICE)), "all of them")],
    pages: Some("VirtualMFADevices"),
    ..READ
};

static LIST_ACCOUNT_ALIASES: Action = Action {
    name: "iam:ListAccountAliases",
    purpose: "Lists the account's alias, if it has one.",
    source: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListAccountAliases.html",
    outputs: &[may("AccountAliases", Type::List(&Type::String), "none or one")],
    pages: Some("AccountAliases"),
    ..READ
};

const THE_PROFILE: &[ProbeRead] =
    &[ProbeRead { id: "profile", action: "iam:GetLoginProfile", with: &[("UserName", "${with.UserName}")] }];
const DEVICES_NOW: &[ProbeRead] =
    &[ProbeRead { id: "devices", action: "iam:ListMFADevices", with: &[("UserName", "${with.UserName}")] }];
const VIRTUAL_NOW: &[ProbeRead] = &[ProbeRead { id: "devices", action: "iam:ListVirtualMFADevices", with: &[] }];
const ALIASES_NOW: &[ProbeRead] = &[ProbeRead { id: "aliases", action: "iam:ListAccountAliases", with: &[] }];
const IN_USE: &str = "reads.devices.answer != `null` \
    && contains(reads.devices.answer.MFADevices[].SerialNumber, with.SerialNumber)";
const NOT_IN_USE: &str = "reads.devices.error == 'NoSuchEntity' || (reads.devices.answer != `null` \
    && !contains(reads.devices.answer.MFADevices[].SerialNumber, with.SerialNumber))";
const HAS_ALIAS: &str =
    "reads.aliases.answer != `null` && contains(reads.aliases.answer.AccountAliases, with.AccountAlias)";
const HAS_NO_ALIAS: &str =
    "reads.aliases.answer != `null` && !contains(reads.aliases.answer.AccountAliases, with.AccountAlias)";
