// Package simulation tries to break what Windrow promises of its buckets: that nothing is lost and nothing
// doubled, whatever fails and whenever.
//
// It holds tests only. Each draws histories: a vendor with its records, a deployment, and ticks of the schedule
// with crashes, lost answers, deadlines, zombies and moving records in them. The real ingest and preprocess
// run through a history on a virtual clock, several at once, against a model of the vendor and a model of S3; each
// commit is judged at the moment at which it is put. Then the faults stop, the runs go on until nothing is due any more,
// and the buckets are compared with the vendor's records, which by then leave no doubt about what they must hold. A history
// follows from its seed alone.
//
// One history in four is of a family: a second stream, of children, that is read once for each record of the first. Ingest and
// Preprocess of both run side by side, as the state machine has them. The parents are asked for by windows, without bounds or as a
// listing; they come late, move, vanish and are refused, and their children come, change and vanish too.
//
// One history in three goes on until its days are old: they are compacted, with faults again, while commits are replaced, windows made again, columns
// changed and days.json lost. A compaction is judged at the moment at which it begins to count, an object when it is deleted, and in the end the lake is read
// as its views read it: each day from exactly one side.
//
// It stands apart from the tests of ingest, rawzone and preprocess because what it checks belongs to none of
// them: it is the protocol between them. It knows nothing of how they do it beyond the formats of the
// buckets, so that it holds for every later shape of them too.
package simulation
