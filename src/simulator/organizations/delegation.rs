//! Trusted access of services, and the member accounts that administer them.

use super::super::Call;
use super::super::wire::{AwsError, epoch};
use super::input::{ACCOUNT, SERVICE};
use super::{Done, constraint, member, show_account};
use serde_json::{Value, json};

pub(super) fn register(call: &mut Call<'_>) -> Done {
    let organization = call.managed()?;
    let id = organization.id.clone();
    let account = call.need("AccountId", ACCOUNT)?;
    let service = call.need("ServicePrincipal", SERVICE)?;
    let found = member(&call.state, &id, &account)?;
    if organization.management == account {
        let message = "You can't register the management account as a delegated administrator.";
        return Err(constraint("CANNOT_REGISTER_MASTER_AS_DELEGATED_ADMINISTRATOR", message));
    }
    if found.state != "ACTIVE" {
        let message = "You can't register a suspended account as a delegated administrator.";
        return Err(constraint("CANNOT_REGISTER_SUSPENDED_ACCOUNT_AS_DELEGATED_ADMINISTRATOR", message));
    }
    if !organization.service_access.contains_key(&service) {
        return Err(constraint("SERVICE_ACCESS_NOT_ENABLED", "Enable trusted access for the service first."));
    }
    if organization.delegated.get(&account).is_some_and(|services| services.contains_key(&service)) {
        let message = "The specified account is already a delegated administrator for this service.";
        return Err(AwsError::json("AccountAlreadyRegisteredException", message));
    }
    let now = call.now;
    call.organization_mut(&id)?.delegated.entry(account).or_default().insert(service, now);
    Ok(Value::Null)
}

pub(super) fn deregister(call: &mut Call<'_>) -> Done {
    let organization = call.managed()?;
    let id = organization.id.clone();
    let account = call.need("AccountId", ACCOUNT)?;
    let service = call.need("ServicePrincipal", SERVICE)?;
    member(&call.state, &id, &account)?;
    if !organization.delegated.get(&account).is_some_and(|services| services.contains_key(&service)) {
        let message = "The specified account is not a delegated administrator for this service.";
        return Err(AwsError::json("AccountNotRegisteredException", message));
    }
    let delegated = &mut call.organization_mut(&id)?.delegated;
    if let Some(services) = delegated.get_mut(&account) {
        services.remove(&service);
    }
    delegated.retain(|_, services| !services.is_empty());
    Ok(Value::Null)
}

pub(super) fn list_administrators(call: &mut Call<'_>) -> Done {
    let organization = call.overseen()?;
    let service = call.text("ServicePrincipal", SERVICE)?;
    let mut shown = Vec::new();
    for (id, services) in &organization.delegated {
        let since = match &service {
            Some(service) => services.get(service),
            None => services.values().min(),
        };
        if let (Some(since), Some(account)) = (since, call.state.accounts.get(id)) {
            let mut one = show_account(organization, account);
            if let Some(members) = one.as_object_mut() {
                members.remove("Paths");
            }
            one["DelegationEnabledDate"] = epoch(*since);
            shown.push(one);
        }
    }
    call.page("DelegatedAdministrators", shown)
}

pub(super) fn list_services(call: &mut Call<'_>) -> Done {
    let organization = call.overseen()?;
    let account = call.need("AccountId", ACCOUNT)?;
    member(&call.state, &organization.id, &account)?;
    let Some(services) = organization.delegated.get(&account) else {
        let message = "The specified account is not a delegated administrator.";
        return Err(AwsError::json("AccountNotRegisteredException", message));
    };
    let show = |(name, since): (&String, &_)| json!({"ServicePrincipal": name, "DelegationEnabledDate": epoch(*since)});
    call.page("DelegatedServices", services.iter().map(show).collect())
}

pub(super) fn enable_access(call: &mut Call<'_>) -> Done {
    let organization = call.managed()?;
    let service = call.need("ServicePrincipal", SERVICE)?;
    if !organization.service_access.contains_key(&service) {
        let (id, now) = (organization.id.clone(), call.now);
        call.organization_mut(&id)?.service_access.insert(service, now);
    }
    Ok(Value::Null)
}

pub(super) fn disable_access(call: &mut Call<'_>) -> Done {
    let organization = call.managed()?;
    let service = call.need("ServicePrincipal", SERVICE)?;
    if organization.service_access.contains_key(&service) {
        let id = organization.id.clone();
        let organization = call.organization_mut(&id)?;
        organization.service_access.remove(&service);
        for services in organization.delegated.values_mut() {
            services.remove(&service);
        }
        organization.delegated.retain(|_, services| !services.is_empty());
    }
    Ok(Value::Null)
}

pub(super) fn list_access(call: &mut Call<'_>) -> Done {
    let organization = call.overseen()?;
    let show = |(name, since): (&String, &_)| json!({"ServicePrincipal": name, "DateEnabled": epoch(*since)});
    call.page("EnabledServicePrincipals", organization.service_access.iter().map(show).collect())
}
