//go:build race

package curated

const raceDetector = true
