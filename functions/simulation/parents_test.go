package simulation

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/windrow-data/windrow/functions/rawzone"
)

// parents is the promise of a stream that is read once for each record of another.
type parents struct {
	*stream
	// inexact says of the parents whose commit is, and is known to be, when it was read.
	inexact map[int]time.Time
}

// parentIn reads whose children a commit holds, and what they have of it.
func parentIn(c *rawzone.Commit) (id int, topic string, err error) {
	if id, topic, err = readParent(c.Parent); err != nil {
		err = fmt.Errorf("commit %s: %w", c.Window(), err)
	}
	return id, topic, err
}

// readParent reads which parent it is that requests are made with, and what its children have of it.
func readParent(text []byte) (id int, topic string, err error) {
	var parent struct {
		Places []json.Number
		Fields []json.RawMessage
	}
	if err := json.Unmarshal(text, &parent); err != nil {
		return 0, "", fmt.Errorf("it tells of no parent: %w", err)
	}
	if len(parent.Places) != 1 || len(parent.Fields) != 2 || string(parent.Fields[0]) != string(parent.Places[0]) {
		return 0, "", fmt.Errorf("it is of the parent %s", text)
	}
	if id, err = strconv.Atoi(string(parent.Places[0])); err != nil {
		return 0, "", err
	}
	return id, topic, json.Unmarshal(parent.Fields[1], &topic)
}

func (s *parents) fits(c *rawzone.Commit, r line, now time.Time) error {
	id, topic, err := parentIn(c)
	if err != nil {
		return err
	}
	if r.Visit == nil || *r.Visit != id || r.Topic != topic || !slices.Contains(s.world.kin.of[id], r.ID) {
		return fmt.Errorf("the commit %s of parent %d (%s) holds child %d, which says that it is one of %v (%s): %w", c.Window(), id, topic, r.ID, r.Visit, r.Topic, errTwice)
	}
	return shown(c, "child", s.world.kin.children, r, now)
}

func (s *parents) holds(_ *process, c, before held, replaces bool, now time.Time) error {
	id, topic, err := parentIn(&c.Commit)
	if err != nil {
		return err
	}
	if !c.End.Equal(c.Start.Add(time.Second)) {
		return fmt.Errorf("the commit of parent %d is of %s: want a second", id, c.Window())
	}
	if replaces {
		if was, _, err := parentIn(&before.Commit); err != nil || was != id {
			return fmt.Errorf("the commit of parent %d takes the place of that of parent %d (%v): %w", id, was, err, errMissing)
		}
	}
	s.mu.Lock()
	for key, other := range s.commits {
		if of, _, err := parentIn(&other.Commit); err == nil && of == id && !other.Start.Equal(c.Start) {
			defer s.mu.Unlock()
			return fmt.Errorf("parent %d has a commit at %s, and another one, %s: %w", id, c.Start, key, errTwice)
		}
	}
	s.mu.Unlock()
	if s.world.kin.refused[id] != 0 {
		return fmt.Errorf("parent %d has a commit, and the vendor has never given its children", id)
	}
	if _, committed := s.world.kin.committed[[2]int{id, versionOf(topic)}]; !committed {
		return fmt.Errorf("the commit of parent %d says that it is %s, which its stream has not committed", id, topic)
	}
	since := c.ReadAt
	coming, leaving := s.world.disturbedChildren(id, since, now)
	exact, err := s.exact(&c.Commit, s.world.kin.pages.counted, coming, leaving)
	if !exact {
		s.inexact[id] = c.ReadAt
		return err
	}
	delete(s.inexact, id)
	for _, child := range s.world.kin.of[id] {
		if at := current(s.world.kin.children[child], since); at >= 0 && at == current(s.world.kin.children[child], now) {
			if err := once(&c.Commit, c.copies, child, at); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *parents) ends(commits []*rawzone.Commit, all []copies) error {
	of := map[int]int{}
	for i, c := range commits {
		id, _, err := parentIn(c)
		if err != nil {
			return err
		}
		if other, there := of[id]; there {
			return fmt.Errorf("parent %d has the commits %s and %s: %w", id, commits[other].Window(), c.Window(), errTwice)
		}
		of[id] = i
	}
	for id, versions := range s.world.records {
		i, there := of[id]
		v, at, due := s.lastRead(id, versions)
		switch {
		case !due || s.world.kin.refused[id] != 0:
			continue
		case !there:
			return fmt.Errorf("parent %d (version %d, whose time is %s) was to be read at %s and has no commit: %w", id, v, versions[v].own, at, errMissing)
		case !commits[i].Settled:
			return fmt.Errorf("the commit of parent %d, read at %s, is unsettled: %w", id, commits[i].ReadAt, errLate)
		}
		if err := s.checkParent(id, v, at, commits[i], all[i]); err != nil {
			return err
		}
	}
	return nil
}

// rosterPut remembers which versions of parents the roster holds, and since when. What it holds is read however long the vendor is down.
func (s *stream) rosterPut(body []byte) error {
	var roster rawzone.Roster
	if err := json.Unmarshal(body, &roster); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range roster.Parents {
		id, topic, err := readParent(p.Record)
		if err != nil {
			return fmt.Errorf("parent %s in the roster: %w", p.Key, err)
		}
		record := [2]int{id, versionOf(topic)}
		if _, known := s.rostered[record]; !known {
			s.rostered[record] = time.Now()
		}
	}
	return nil
}

// lastRead returns since when a parent was to be read for the last time, by the version that was to be known then. It is false
// where no execution without faults was to read it.
func (s *parents) lastRead(id int, versions []version) (v int, last time.Time, due bool) {
	k := s.world.kin
	v = -1
	var first time.Time
	for i := range versions {
		if at, known := k.committed[[2]int{id, i}]; known {
			v = i
			if first.IsZero() || at.Before(first) {
				first = at
			}
		}
	}
	if v < 0 {
		return v, last, false
	}
	known := k.committed[[2]int{id, v}]
	last, until, timed := k.due(versions[v])
	if !timed {
		// It is read as if its time was when it was first seen.
		i := slices.IndexFunc(s.quiets, first.Before)
		if i < 0 || first.Before(s.quiets[0]) {
			// Which run saw it first is not known.
			return v, last, false
		}
		_, until, _ = k.due(version{own: s.quiets[i]})
		last = s.quiets[i].Add(k.settle)
	}
	if at, there := s.rostered[[2]int{id, v}]; timed && there && at.Before(until) {
		until = until.Add(longestOutage)
	}
	if newest := versions[len(versions)-1]; newest.gone && newest.shows.Before(until) {
		until = newest.shows
	}
	return v, last, slices.ContainsFunc(s.quiets, func(at time.Time) bool {
		return at.After(known) && !at.Before(last) && at.Before(until)
	})
}

// checkParent wants a parent's commit to hold what the vendor gave at a time or later, and what it said of the parent.
func (s *parents) checkParent(id, v int, last time.Time, c *rawzone.Commit, held copies) error {
	if s.world.records[id][v].own.IsZero() {
		return nil
	}
	if _, topic, _ := parentIn(c); len(held) > 0 && topic != topicOf(v) && s.world.kin.committed[[2]int{id, v}].Before(last) && last.After(s.quiets[0]) {
		return fmt.Errorf("parent %d is %s in its commit, read at %s: want %s (its time is %s), as it was known since %s and to be read at %s: %w",
			id, topic, c.ReadAt, topicOf(v), s.world.records[id][v].own, s.world.kin.committed[[2]int{id, v}], last, errLate)
	}
	if at, inexact := s.inexact[id]; inexact && !at.Before(last) {
		return nil
	}
	for _, child := range s.world.kin.of[id] {
		versions := s.world.kin.children[child]
		if slices.ContainsFunc(versions, func(v version) bool { return v.shows.After(last) }) {
			continue
		}
		want := current(versions, last)
		if want >= 0 {
			if err := once(c, held, child, want); err != nil {
				return err
			}
		}
		for at := range versions {
			if at != want && held[[2]int{child, at}] > 0 {
				return fmt.Errorf("the commit of parent %d, read at %s, holds child %d (version %d), which the vendor has no more: %w", id, c.ReadAt, child, at, errLate)
			}
		}
	}
	return nil
}
