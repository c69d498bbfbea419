//! The second half of the table: policies, transfers, closing, IAM below users, account, invoicing.

use super::{
    ENUM, EXISTS, ID, INPUT, Lists, NO_ACCOUNT, NO_ENTITY, NO_TARGET, NO_UNIT, NOT_IN_USE, PAGES, QUOTA, Row, TAGS,
    VALID, e, handshake, input, limit, ordered_row, q,
};

const CHANGING: &[Row] = &[e("PolicyChangesInProgressException")];
const NO_POLICY: &[Row] = &[e("PolicyNotFoundException")];
const NOT_ALL: &[Row] = &[e("PolicyTypeNotAvailableForOrganizationException")];
const MALFORMED: &[Row] = &[e("MalformedPolicyDocumentException"), limit("POLICY_CONTENT_LIMIT_EXCEEDED")];
const NAMED: &[Row] = &[e("DuplicatePolicyException"), input("MAX_LENGTH_EXCEEDED"), input("MIN_LENGTH_EXCEEDED")];
const FIXED: &[Row] = &[input("IMMUTABLE_POLICY")];
const NO_TRANSFER: &[Row] = &[e("ResponsibilityTransferNotFoundException")];
const BAD_POLICY: &[Row] = &[e("MalformedPolicyDocument")];
const IN_USE: &[Row] = &[q(409, "DeleteConflict")];
const PROTECTED: &[Row] = &[e("UnmodifiableEntity")];
const LATER: &[Row] = &[ordered_row(q(409, "EntityTemporarilyUnmodifiable"))];
/// AWS lists it for changes that make nothing, too.
const SOME_QUOTA: &[Row] = &[ordered_row(q(409, "LimitExceeded"))];
const ROOT_ACCESS: &[Row] = &[
    e("ServiceAccessNotEnabledException"),
    e("AccountNotManagementOrDelegatedAdministratorException"),
    e("OrganizationNotFoundException"),
    e("OrganizationNotInAllFeaturesModeException"),
];
const FOR_MANAGEMENT: &[Row] = &[e("CallerIsNotManagementAccountException")];
const NO_RESOURCE: &[Row] = &[q(404, "ResourceNotFoundException")];
/// The simulator has a report at any time.
const NO_REPORT: &[Row] = &[
    ordered_row(q(410, "ReportNotPresent")),
    ordered_row(q(410, "ReportExpired")),
    ordered_row(q(404, "ReportInProgress")),
];
const NONE_SUCH: &[Row] = &[e("ResourceNotFoundException")];
const CONFLICT: &[Row] = &[q(409, "ConflictException")];

pub(super) const TABLE: &[(&str, Lists)] = &[
    (
        "organizations:CloseAccount",
        &[
            NOT_IN_USE,
            ID,
            NO_ACCOUNT,
            &[
                e("AccountAlreadyClosedException"),
                ordered_row(e("ConflictException")),
                limit("CANNOT_CLOSE_MANAGEMENT_ACCOUNT"),
                limit("CLOSE_ACCOUNT_REQUESTS_LIMIT_EXCEEDED"),
                limit("CLOSE_ACCOUNT_QUOTA_EXCEEDED"),
            ],
        ],
    ),
    (
        "organizations:EnableAllFeatures",
        &[
            NOT_IN_USE,
            &[
                handshake("ORGANIZATION_ALREADY_HAS_ALL_FEATURES"),
                handshake("ORGANIZATION_IS_ALREADY_PENDING_ALL_FEATURES_MIGRATION"),
                ordered_row(limit("ALL_FEATURES_MIGRATION_ORGANIZATION_SIZE_LIMIT_EXCEEDED")),
            ],
        ],
    ),
    (
        "organizations:UpdateOrganizationalUnit",
        &[NOT_IN_USE, ID, NO_UNIT, &[input("MAX_LENGTH_EXCEEDED"), e("DuplicateOrganizationalUnitException")]],
    ),
    (
        "organizations:EnablePolicyType",
        &[
            NOT_IN_USE,
            ID,
            ENUM,
            NOT_ALL,
            CHANGING,
            &[
                e("RootNotFoundException"),
                e("PolicyTypeAlreadyEnabledException"),
                ordered_row(limit("SERVICE_ACCESS_NOT_ENABLED")),
            ],
        ],
    ),
    (
        "organizations:DisablePolicyType",
        &[NOT_IN_USE, ID, ENUM, CHANGING, &[e("RootNotFoundException"), e("PolicyTypeNotEnabledException")]],
    ),
    (
        "organizations:CreatePolicy",
        &[
            NOT_IN_USE,
            ENUM,
            TAGS,
            NOT_ALL,
            MALFORMED,
            &[
                input("INPUT_REQUIRED"),
                input("MIN_LENGTH_EXCEEDED"),
                e("DuplicatePolicyException"),
                ordered_row(limit("POLICY_NUMBER_LIMIT_EXCEEDED")),
            ],
        ],
    ),
    ("organizations:UpdatePolicy", &[NOT_IN_USE, ID, NO_POLICY, FIXED, MALFORMED, NAMED, &[ordered_row(CHANGING[0])]]),
    ("organizations:DeletePolicy", &[NOT_IN_USE, ID, NO_POLICY, FIXED, &[e("PolicyInUseException")]]),
    ("organizations:DescribePolicy", &[NOT_IN_USE, ID, NO_POLICY]),
    ("organizations:ListPolicies", &[NOT_IN_USE, ENUM, PAGES, &[input("INPUT_REQUIRED")]]),
    ("organizations:ListTargetsForPolicy", &[NOT_IN_USE, ID, NO_POLICY, PAGES]),
    (
        "organizations:AttachPolicy",
        &[
            NOT_IN_USE,
            ID,
            NO_POLICY,
            NO_TARGET,
            CHANGING,
            &[
                e("PolicyTypeNotEnabledException"),
                e("DuplicatePolicyAttachmentException"),
                limit("MAX_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED"),
            ],
        ],
    ),
    (
        "organizations:DetachPolicy",
        &[
            NOT_IN_USE,
            ID,
            NO_POLICY,
            NO_TARGET,
            CHANGING,
            &[e("PolicyNotAttachedException"), limit("MIN_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED")],
        ],
    ),
    (
        "organizations:DescribeEffectivePolicy",
        &[
            NOT_IN_USE,
            ENUM,
            NO_TARGET,
            &[input("INPUT_REQUIRED"), input("INVALID_PATTERN"), e("EffectivePolicyNotFoundException")],
        ],
    ),
    (
        "organizations:InviteOrganizationToTransferResponsibility",
        &[
            NOT_IN_USE,
            ENUM,
            &[
                input("INPUT_REQUIRED"),
                input("INVALID_PATTERN_TARGET_ID"),
                input("INVALID_PARTY_TYPE_TARGET"),
                input("MAX_LENGTH_EXCEEDED"),
                input("START_DATE_NOT_BEGINNING_OF_MONTH"),
                input("START_DATE_TOO_EARLY"),
                input("START_DATE_TOO_LATE"),
                e("DuplicateHandshakeException"),
                handshake("SOURCE_AND_TARGET_CANNOT_MATCH"),
                handshake("TARGET_ACCOUNT_VALIDATION_FAILURE"),
                handshake("RESPONSIBILITY_TRANSFER_ALREADY_EXISTS"),
                ordered_row(handshake("PAST_DUE_INVOICE")),
                ordered_row(handshake("UNUSED_PREPAYMENT_BALANCE")),
                ordered_row(handshake("LEGACY_PERMISSIONS_STILL_IN_USE")),
                ordered_row(limit("UNSUPPORTED_PRICING")),
                ordered_row(limit("UNMET_BILLING_PREREQUISITE")),
                ordered_row(limit("RESPONSIBILITY_TRANSFER_MAX_LEVEL_VIOLATION")),
                ordered_row(limit("RESPONSIBILITY_TRANSFER_MAX_INBOUND_QUOTA_VIOLATION")),
                ordered_row(limit("RESPONSIBILITY_TRANSFER_MAX_OUTBOUND_QUOTA_VIOLATION")),
                ordered_row(limit("RESPONSIBILITY_TRANSFER_MAX_TRANSFERS_QUOTA_VIOLATION")),
            ],
        ],
    ),
    (
        "organizations:TerminateResponsibilityTransfer",
        &[
            NOT_IN_USE,
            ID,
            NO_TRANSFER,
            &[
                input("END_DATE_NOT_END_OF_MONTH"),
                input("END_DATE_TOO_EARLY"),
                e("ResponsibilityTransferAlreadyInStatusException"),
                e("InvalidResponsibilityTransferTransitionException"),
            ],
        ],
    ),
    (
        "organizations:UpdateResponsibilityTransfer",
        &[NOT_IN_USE, ID, NO_TRANSFER, &[limit("TRANSFER_RESPONSIBILITY_UPDATE_NOT_ALLOWED")]],
    ),
    ("organizations:DescribeResponsibilityTransfer", &[NOT_IN_USE, ID, NO_TRANSFER]),
    (
        "organizations:ListInboundResponsibilityTransfers",
        &[NOT_IN_USE, ENUM, PAGES, NO_TRANSFER, &[input("INPUT_REQUIRED"), input("INVALID_PATTERN")]],
    ),
    ("organizations:ListOutboundResponsibilityTransfers", &[NOT_IN_USE, ENUM, PAGES, &[input("INPUT_REQUIRED")]]),
    ("iam:CreateGroup", &[VALID, EXISTS, QUOTA]),
    ("iam:DeleteGroup", &[VALID, NO_ENTITY, IN_USE, SOME_QUOTA]),
    ("iam:GetGroup", &[VALID, NO_ENTITY]),
    ("iam:AttachGroupPolicy", &[VALID, INPUT, NO_ENTITY, QUOTA, &[e("PolicyNotAttachable")]]),
    ("iam:DetachGroupPolicy", &[VALID, INPUT, NO_ENTITY, SOME_QUOTA]),
    ("iam:ListAttachedGroupPolicies", &[VALID, NO_ENTITY]),
    ("iam:AddUserToGroup", &[VALID, NO_ENTITY, QUOTA]),
    ("iam:RemoveUserFromGroup", &[VALID, NO_ENTITY, SOME_QUOTA]),
    ("iam:ListGroupsForUser", &[VALID, NO_ENTITY]),
    ("iam:CreateRole", &[VALID, INPUT, EXISTS, QUOTA, BAD_POLICY]),
    ("iam:DeleteRole", &[VALID, NO_ENTITY, IN_USE, PROTECTED, SOME_QUOTA]),
    ("iam:GetRole", &[VALID, NO_ENTITY]),
    ("iam:UpdateAssumeRolePolicy", &[VALID, NO_ENTITY, BAD_POLICY, PROTECTED, SOME_QUOTA]),
    ("iam:PutRolePolicy", &[VALID, NO_ENTITY, BAD_POLICY, PROTECTED, QUOTA]),
    ("iam:GetRolePolicy", &[VALID, NO_ENTITY]),
    ("iam:DeleteRolePolicy", &[VALID, NO_ENTITY, PROTECTED, SOME_QUOTA]),
    ("iam:ListRolePolicies", &[VALID, NO_ENTITY]),
    ("iam:AttachRolePolicy", &[VALID, INPUT, NO_ENTITY, QUOTA, PROTECTED, &[e("PolicyNotAttachable")]]),
    ("iam:DetachRolePolicy", &[VALID, INPUT, NO_ENTITY, PROTECTED, SOME_QUOTA]),
    ("iam:ListAttachedRolePolicies", &[VALID, NO_ENTITY]),
    ("iam:CreateLoginProfile", &[VALID, NO_ENTITY, EXISTS, SOME_QUOTA, &[e("PasswordPolicyViolation")]]),
    ("iam:GetLoginProfile", &[VALID, NO_ENTITY]),
    ("iam:DeleteLoginProfile", &[VALID, NO_ENTITY, SOME_QUOTA, LATER]),
    ("iam:CreateVirtualMFADevice", &[VALID, EXISTS, SOME_QUOTA]),
    ("iam:DeleteVirtualMFADevice", &[VALID, NO_ENTITY, IN_USE, SOME_QUOTA]),
    ("iam:EnableMFADevice", &[VALID, NO_ENTITY, EXISTS, QUOTA, LATER, &[q(403, "InvalidAuthenticationCode")]]),
    ("iam:DeactivateMFADevice", &[VALID, NO_ENTITY, SOME_QUOTA, LATER]),
    ("iam:ListMFADevices", &[VALID, NO_ENTITY]),
    ("iam:ListVirtualMFADevices", &[VALID]),
    ("iam:CreateAccountAlias", &[VALID, EXISTS, SOME_QUOTA]),
    ("iam:DeleteAccountAlias", &[VALID, NO_ENTITY, SOME_QUOTA]),
    ("iam:ListAccountAliases", &[VALID]),
    ("iam:EnableOrganizationsRootCredentialsManagement", &[ROOT_ACCESS, FOR_MANAGEMENT]),
    ("iam:DisableOrganizationsRootCredentialsManagement", &[ROOT_ACCESS]),
    ("iam:EnableOrganizationsRootSessions", &[ROOT_ACCESS, FOR_MANAGEMENT]),
    ("iam:DisableOrganizationsRootSessions", &[ROOT_ACCESS]),
    ("iam:ListOrganizationsFeatures", &[ROOT_ACCESS]),
    ("iam:GetAccountSummary", &[]),
    ("iam:GenerateCredentialReport", &[SOME_QUOTA]),
    ("iam:GetCredentialReport", &[NO_REPORT]),
    ("iam:GetAccountAuthorizationDetails", &[VALID]),
    ("iam:SimulatePrincipalPolicy", &[VALID, INPUT, NO_ENTITY, &[ordered_row(q(500, "PolicyEvaluation"))]]),
    ("sts:AssumeRoot", &[VALID, &[e("MalformedInput"), ordered_row(q(403, "RegionDisabledException"))]]),
    ("account:GetAccountInformation", &[]),
    ("account:ListRegions", &[]),
    ("account:PutAccountName", &[]),
    ("account:GetContactInformation", &[NO_RESOURCE]),
    ("account:PutContactInformation", &[]),
    ("account:GetAlternateContact", &[NO_RESOURCE]),
    ("account:PutAlternateContact", &[]),
    ("account:DeleteAlternateContact", &[NO_RESOURCE]),
    ("account:GetPrimaryEmail", &[NO_RESOURCE]),
    ("account:GetPrimaryEmailUpdateStatus", &[NO_RESOURCE]),
    ("account:StartPrimaryEmailUpdate", &[NO_RESOURCE, CONFLICT]),
    ("account:AcceptPrimaryEmailUpdate", &[NO_RESOURCE, CONFLICT]),
    ("account:SendPhoneNumberVerification", &[NO_RESOURCE, CONFLICT]),
    ("account:VerifyPhoneNumber", &[NO_RESOURCE, CONFLICT]),
    ("invoicing:ListInvoiceSummaries", &[]),
    ("invoicing:GetInvoicePDF", &[]),
    ("cloudformation:ListStackSets", &[]),
    ("cloudformation:ListStackInstances", &[&[q(404, "StackSetNotFoundException")]]),
    ("ram:GetResourceShares", &[]),
    ("sso:ListInstances", &[]),
    ("sso:ListPermissionSetsProvisionedToAccount", &[NONE_SUCH]),
    ("sso:ListAccountAssignments", &[NONE_SUCH]),
    ("servicequotas:GetServiceQuota", &[&[e("NoSuchResourceException")]]),
    ("billing:GetCredits", &[]),
];
