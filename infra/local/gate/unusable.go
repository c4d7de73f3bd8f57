package gate

// unusable are the permissions that a deployment needs and a local run cannot use, each with the reason. What is neither used
// nor listed here is to be taken out of its role.
var unusable = []explanation{}
