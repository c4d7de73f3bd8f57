// Package budget holds what an ordinary run may take: requests to S3 and to the vendor, and bytes of logs.
//
// It holds tests only. Each plays the schedule of the ready vendors on days on which the vendor has nothing new, with the real ingest and
// preprocess, and compares every single run with its budget, so that no later change makes each run dearer unnoticed. What a run
// costs does not follow from what it does alone: a log of ten years is played too.
//
// It stands apart from the tests of ingest and preprocess because the budget is of both together.
package budget
