package gate

// unusable are the permissions that a deployment needs and a local run cannot use, each with the reason. What is neither used
// nor listed here is to be taken out of its role.
var unusable = []explanation{
	{sid: "SweepParts", action: "s3:DeleteObject",
		reason: "parts are swept a week after they were stored, and those of a local run were stored just now"},
	{role: "*Backfill*", sid: "StartSuccessor", action: "states:StartExecution",
		reason: "a successor follows on an execution whose history is nearly full, which takes months to read; infra/backfill_test.go plays it"},
	{role: "*Backfill*", sid: "PublishFindings", action: "sns:Publish",
		reason: "a past range that the simulated vendor gives whole has no findings; infra/backfill_test.go has some"},
	{role: "*PersonErase*", action: "*",
		reason: "nobody is erased in a day that is played, since an erasure waits for a quarter of an hour; functions/erasure erases with the real handlers"},
	{role: "*Erasure*", action: "*",
		reason: "nobody is erased in a day that is played; constructs/erase_test.go plays the machine"},
	{role: "*Ingest*", sid: "ReadPrivacyKey", action: "secretsmanager:GetSecretValue",
		reason: "ingest reads the key where somebody is forgotten, and in a day that is played nobody is"},
	{action: "ec2:*", reason: "functions of a local run stand in no network of their own"},
	{action: "athena:*", reason: "no query engine of AWS's runs here"},
	{action: "glue:*", reason: "no data catalog of AWS's is here"},
}
