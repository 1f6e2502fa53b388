"""What each role opens, adds, changes and deletes."""

ROLES = ("author", "approver", "sender", "auditor", "administrator")
SUBMITTED = {"_form_submitted": "True"}
TEMPLATES = {
    "templates_app_officialaccount",
    "templates_app_messagetemplate",
    "templates_app_templateversion",
    "templates_app_listedtemplate",
}
PEOPLE = {
    *("notifier_recipient", "notifier_recipientgroup", "notifier_recipientimport"),
    *("notifier_segment", "notifier_suppression"),
}
CAMPAIGNS = {"notifier_campaign"}
WATCHED = {"notifier_anomaly", "notifier_silence"}
OTHER_MODELS = {
    *("notifier_message", "notifier_apiclient", "notifier_apikey", "notifier_auditentry"),
    *("auth_user", "auth_group", "notifier_webhookendpoint", "notifier_webhookdelivery"),
    *("notifier_gateway", "notifier_schedule", *WATCHED),
}
ALL = TEMPLATES | PEOPLE | CAMPAIGNS | OTHER_MODELS
VIEWS: dict[str, set[str]] = {
    "author": TEMPLATES | {"notifier_recipient", "notifier_suppression"},
    "approver": TEMPLATES | CAMPAIGNS,
    "sender": TEMPLATES
    | PEOPLE
    | CAMPAIGNS
    | WATCHED
    | {"notifier_message", "notifier_webhookdelivery", "notifier_schedule"},
    "auditor": ALL,
    "administrator": ALL,
}
ADDS: dict[str, set[str]] = {
    "author": {
        *("templates_app_messagetemplate", "templates_app_templateversion", "notifier_recipient")
    },
    "approver": set(),
    "sender": (PEOPLE | CAMPAIGNS | {"notifier_silence"}) - {"notifier_suppression"},
    "auditor": set(),
    "administrator": ALL
    - {"notifier_message", "notifier_auditentry", "notifier_webhookdelivery"}
    - {"templates_app_listedtemplate", "notifier_suppression", "notifier_schedule"}
    - {"notifier_anomaly"},
}
CHANGES: dict[str, set[str]] = {
    **ADDS,
    "sender": ADDS["sender"] - {"notifier_recipientimport"},
    "administrator": ADDS["administrator"] - {"notifier_recipientimport"}
    | {"notifier_suppression"},
}
DELETES: dict[str, set[str]] = {
    "author": {"templates_app_templateversion"},
    "sender": {"notifier_recipientgroup", "notifier_segment", "notifier_silence"},
    "administrator": {
        *("templates_app_templateversion", "templates_app_messagetemplate"),
        *("notifier_recipientgroup", "notifier_segment", "notifier_suppression"),
        *("auth_user", "auth_group", "notifier_webhookendpoint", "notifier_silence"),
    },
}
OTHERS: dict[str, set[str]] = {
    "index": set(ROLES),
    "password_change": set(ROLES),
    "second-factor": set(ROLES),
    "message-test-send": {"author", "sender", "administrator"},
    "sending": {"sender", "auditor", "administrator"},
    "account-doctor": set(ROLES),
    "errcodes": {"sender", "auditor", "administrator"},
    "errcode": {"sender", "auditor", "administrator"},
    "notifier_auditentry_export": {"auditor", "administrator"},
    "recipients-export": {"sender", "administrator"},
    "followers": {"sender", "auditor", "administrator"},
    "group-members": {"sender", "auditor", "administrator"},
    "recipient-erase": {"administrator"},
    "campaign-do": {"sender", "administrator"},
    "profiles": {"administrator"},
}
QUEUES = {"administrator"}
