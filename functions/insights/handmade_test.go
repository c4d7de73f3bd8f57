package insights_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/windrow-data/windrow/functions/insights"
	"github.com/windrow-data/windrow/functions/lakesql"
	"github.com/windrow-data/windrow/functions/lakesql/lakesqltest"
	"github.com/windrow-data/windrow/functions/vendorapi"
)

// expected are rows of some columns of an insight, each as one line: the values with a bar between, nothing for null.
type expected struct {
	insight string
	columns []string
	want    []string
}

// check puts the insights to a lake.
func check(t *testing.T, l *lake, cases map[string]expected) {
	t.Helper()
	model, sql, queries := insights.Model(l.vendor), map[string]string{}, map[string]string{}
	for _, insight := range insights.Of(l.vendor, model) {
		sql[insight.Name] = lakesql.DuckDB(insight.SQL)
	}
	for name, c := range cases {
		queries[name] = "select " + strings.Join(c.columns, ", ") + " from (" + sql[c.insight] + ")"
	}
	answers := lakesqltest.Ask(t, l.write(t, model...), queries)
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, row := range plain(t, answers[name].Rows) {
				got = append(got, line(row))
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func line(row []any) string {
	var values []string
	for _, value := range row {
		text, _ := value.(string)
		values = append(values, text)
	}
	return strings.Join(values, " | ")
}

// zoomByHand is a webinar that recurs weekly and broke off once, with a rehearsal, beside one that nobody planned and one that is still to come.
var zoomByHand = map[string][]string{
	"upcoming": {
		`{"id":"1","topic":"Weekly (soon)","start_time":"2026-03-03T17:00:00Z"}`,
		`{"id":"1","topic":"Weekly (soon)","start_time":"2026-03-10T17:00:00Z"}`,
		`{"id":"3","topic":"Next month","start_time":"2026-04-10T17:00:00Z"}`,
	},
	"webinars": {
		`{"uuid":"first","id":1,"topic":"Weekly","email":"host@example.com","start_time":"2026-03-03T16:58:00Z","end_time":"2026-03-03T17:58:00Z"}`,
		`{"uuid":"rehearsal","id":1,"topic":"Weekly","email":"host@example.com","start_time":"2026-03-10T15:00:00Z","end_time":"2026-03-10T15:20:00Z"}`,
		`{"uuid":"second","id":1,"topic":"Weekly","email":"host@example.com","start_time":"2026-03-10T17:01:00Z","end_time":"2026-03-10T17:21:00Z"}`,
		`{"uuid":"second again","id":1,"topic":"Weekly","email":"host@example.com","start_time":"2026-03-10T17:25:00Z","end_time":"2026-03-10T18:01:00Z"}`,
		`{"uuid":"unplanned","id":2,"topic":"Impromptu","email":"host@example.com","start_time":"2026-03-11T09:00:00Z","end_time":"2026-03-11T09:30:00Z"}`,
	},
	"registrants": {
		`{"webinar_id":"1","webinar_start_time":"2026-03-10T17:00:00Z","id":"rA","email":"Ann@example.com","org":"Acme","status":"approved","create_time":"2026-03-01T10:00:00Z"}`,
		`{"webinar_id":"1","webinar_start_time":"2026-03-10T17:00:00Z","id":"rB","email":"bob@example.com","status":"approved","create_time":"2026-03-05T10:00:00Z"}`,
		`{"webinar_id":"1","webinar_start_time":"2026-03-10T17:00:00Z","id":"rC","email":"","status":"approved","create_time":"2026-03-01T11:00:00Z"}`,
		`{"webinar_id":"3","webinar_start_time":"2026-04-10T17:00:00Z","id":"rD","email":"dan@example.com","status":"approved","create_time":"2026-03-01T11:00:00Z"}`,
	},
	"participants": {
		`{"webinar_uuid":"first","webinar_id":1,"user_id":"1","id":"h","user_email":"host@example.com","join_time":"2026-03-03T16:58:00Z","leave_time":"2026-03-03T17:58:00Z","duration":3600}`,
		// Ann comes by an account of another address.
		`{"webinar_uuid":"first","webinar_id":1,"user_id":"2","id":"a","registrant_id":"rA","user_email":"ann@home.example","join_time":"2026-03-03T17:00:00Z","leave_time":"2026-03-03T17:50:00Z","duration":3000}`,
		// A guest leaves and joins again, another one is never let in.
		`{"webinar_uuid":"first","webinar_id":1,"user_id":"3","id":"","registrant_id":"","user_email":"","join_time":"2026-03-03T17:00:00Z","leave_time":"2026-03-03T17:10:00Z","duration":600}`,
		`{"webinar_uuid":"first","webinar_id":1,"user_id":"3","id":"","registrant_id":"","user_email":"","join_time":"2026-03-03T17:20:00Z","leave_time":"2026-03-03T17:30:00Z","duration":600}`,
		`{"webinar_uuid":"first","webinar_id":1,"user_id":"4","id":"","registrant_id":"","user_email":"","join_time":"2026-03-03T17:20:00Z","leave_time":"2026-03-03T17:30:00Z","duration":600,"status":"in_waiting_room"}`,
		`{"webinar_uuid":"rehearsal","webinar_id":1,"user_id":"1","id":"h","user_email":"cleo@example.com","join_time":"2026-03-10T15:00:00Z","leave_time":"2026-03-10T15:20:00Z","duration":1200}`,
		`{"webinar_uuid":"second","webinar_id":1,"user_id":"2","id":"","registrant_id":"rB","user_email":"bob@example.com","join_time":"2026-03-10T17:02:00Z","leave_time":"2026-03-10T17:21:00Z","duration":1140}`,
		`{"webinar_uuid":"second again","webinar_id":1,"user_id":"7","id":"","registrant_id":"rB","user_email":"bob@example.com","join_time":"2026-03-10T17:26:00Z","leave_time":"2026-03-10T18:01:00Z","duration":2100}`,
		`{"webinar_uuid":"unplanned","webinar_id":2,"user_id":"2","id":"","registrant_id":"","user_email":"bob@example.com","join_time":"2026-03-11T09:00:00Z","leave_time":"2026-03-11T09:30:00Z","duration":1800}`,
	},
	"questions": {
		`{"webinar_uuid":"second","webinar_id":1,"email":"","name":"Anonymous Attendee","question_details":[{"question_id":"1","question":"Why?","answer":"","create_time":"2026-03-10T17:05:00Z","question_status":"open"},{"question_id":"2","question":"How?","answer":"","create_time":"2026-03-10T17:06:00Z","question_status":"dismissed"}]}`,
		`{"webinar_uuid":"second","webinar_id":1,"email":"bob@example.com","name":"Bob","question_details":[{"question_id":"3","question":"When?","answer":"","create_time":"2026-03-10T17:07:00Z","question_status":"open"}]}`,
	},
}

func TestZoomByHand(t *testing.T) {
	l := handmade(protecting(ready["zoom"], vendorapi.ProtectKeep, vendorapi.ProtectKeep), time.Date(2026, 3, 12, 0, 0, 0, 0, time.UTC), zoomByHand)
	check(t, l, map[string]expected{
		"instances belong to planned times": {
			"attendance_funnel", []string{"event_id", "title", "registered", "came", "stayed", "asked"}, []string{
				"2/1773219600 | Impromptu | 0 | 1 | 1 | 0",
				"1/1773162000 | Weekly | 3 | 1 | 1 | 3",
				"1/1772557200 | Weekly | 2 | 2 | 1 | 0",
			}},
		"who registered for the webinar did so for each time that was not over": {
			"no_shows", []string{"event_id", "person", "company", "registration_id"}, []string{
				"1/1773162000 | ann@example.com | Acme | rA",
				"1/1773162000 |  |  | rC",
				"1/1772557200 |  |  | rC",
			}},
		"a question is open until it is answered or put aside": {
			"open_questions", []string{"asked_at", "person", "question"}, []string{
				"2026-03-10T17:07:00Z | bob@example.com | When?",
				"2026-03-10T17:05:00Z |  | Why?",
			}},
		"people are known by their registration": {
			"leads", []string{"person", "webinars", "minutes", "points", "reasons"}, []string{
				"bob@example.com | 2 | 84 | 41 | asked 1 question; watched 84 of 90 minutes in 2 webinars; seen in the last 7 days",
				"ann@example.com | 1 | 50 | 20 | watched 50 of 60 minutes; seen in the last 30 days",
			}},
		"people without an address are in no overlap": {
			"audience_overlap", []string{"event_a", "event_b", "audience_a", "audience_b", `"both"`, "share"}, []string{
				"1/1773162000 | 2/1773219600 | 1 | 1 | 1 | 1",
			}},
	})
}

// on24ByHand is a webinar with one of every kind of person, beside a test and one that is still to come.
var on24ByHand = map[string][]string{
	"events": {
		`{"clientid":1,"eventid":9007199254740993,"description":"Launch","category":" ","goodafter":"2026-03-31T18:00:00-07:00","liveend":"2026-03-31T19:00:00-07:00","scheduledeventduration":60,"displaytimezonecd":"America/Los_Angeles","istestevent":false,"lastmodified":"2026-03-31T20:00:00-07:00","eventanalytics":{"totalregistrants":12}}`,
		`{"clientid":1,"eventid":2,"description":"Test","goodafter":"2026-03-31T18:00:00-07:00","liveend":"2026-03-31T19:00:00-07:00","scheduledeventduration":60,"istestevent":true,"lastmodified":"2026-03-31T20:00:00-07:00"}`,
		`{"clientid":1,"eventid":3,"description":"To come","goodafter":"2026-04-30T18:00:00-07:00","liveend":"2026-04-30T19:00:00-07:00","scheduledeventduration":60,"istestevent":false,"lastmodified":"2026-03-31T20:00:00-07:00"}`,
	},
	"registrants": {
		`{"clientid":1,"eventid":9007199254740993,"eventuserid":1,"exteventusercd":"c1","userstatus":"active","email":"Ann@Example.com","company":"Acme","jobtitle":"PM","createtimestamp":"2026-03-20T10:00:00-07:00","userprofileurl":"https://p.example/1"}`,
		`{"clientid":1,"eventid":9007199254740993,"eventuserid":2,"userstatus":"active","email":"absent@example.com","createtimestamp":"2026-03-20T11:00:00-07:00"}`,
		`{"clientid":1,"eventid":9007199254740993,"eventuserid":3,"userstatus":"deleted","email":"deleted@example.com","createtimestamp":"2026-03-20T11:00:00-07:00"}`,
		`{"clientid":1,"eventid":9007199254740993,"eventuserid":4,"userstatus":"active","email":"later@example.com","createtimestamp":"2026-03-20T11:00:00-07:00"}`,
		// He is forgotten elsewhere.
		`{"clientid":1,"eventid":9007199254740993,"eventuserid":5,"userstatus":"active","email":"forgotten@example.com","createtimestamp":"2026-03-20T12:00:00-07:00"}`,
		`{"clientid":1,"eventid":3,"eventuserid":6,"userstatus":"Forgotten","email":"forgotten@example.com","createtimestamp":"2026-03-20T11:00:00-07:00"}`,
		`{"clientid":1,"eventid":3,"eventuserid":7,"exteventusercd":"c1 anew","userstatus":"active","email":"ann@example.com","company":"Acme Ltd","userprofileurl":"https://p.example/7","createtimestamp":"2026-03-21T10:00:00-07:00"}`,
	},
	"attendees": {
		`{"clientid":1,"eventid":9007199254740993,"eventuserid":1,"email":"ann@example.com","userstatus":"active","isblocked":"N","engagementscore":5.5,"liveminutes":70,"firstliveactivity":"2026-03-31T17:50:00-07:00","lastliveactivity":"2026-03-31T19:00:00-07:00","calltoactions":[{"ctaid":"1","ctaname":"Get a quote","clicks":"1","date":"2026-03-31T18:30:00-07:00"},{"ctaid":"2","ctaname":"Book demo","clicks":"3","date":"2026-03-31T18:31:00-07:00"}],"resources":[{"resourceid":1,"resourceviewed":"Slides","resourceviewedtimestamp":"2026-03-31T18:30:00-07:00"}]}`,
		`{"clientid":1,"eventid":9007199254740993,"eventuserid":4,"email":"later@example.com","userstatus":"active","isblocked":"N","engagementscore":1,"archiveminutes":9,"firstarchiveactivity":"2026-04-01T08:00:00-07:00","lastarchiveactivity":"2026-04-01T08:09:00-07:00"}`,
		// His registration is older than the lake.
		`{"clientid":1,"eventid":9007199254740993,"eventuserid":8,"exteventusercd":"c8","email":"old@example.com","userstatus":"active","isblocked":"N","liveminutes":44,"firstliveactivity":"2026-03-31T18:00:00-07:00","lastliveactivity":"2026-03-31T18:44:00-07:00"}`,
		`{"clientid":1,"eventid":9007199254740993,"eventuserid":9,"email":"blocked@example.com","userstatus":"active","isblocked":"Y","liveminutes":50,"firstliveactivity":"2026-03-31T18:00:00-07:00","lastliveactivity":"2026-03-31T18:50:00-07:00"}`,
		`{"clientid":1,"eventid":2,"eventuserid":10,"email":"tester@example.com","userstatus":"active","isblocked":"N","liveminutes":50,"firstliveactivity":"2026-03-31T18:00:00-07:00","lastliveactivity":"2026-03-31T18:50:00-07:00"}`,
	},
	"questions": {
		`{"clientid":1,"eventid":9007199254740993,"eventuserid":1,"questionid":1,"createtimestamp":"2026-03-31T18:20:00-07:00","content":"Price?","email":"ann@example.com"}`,
		`{"clientid":1,"eventid":9007199254740993,"eventuserid":1,"questionid":2,"createtimestamp":"2026-03-31T18:21:00-07:00","content":"Slides?","email":"ann@example.com","answer":{"content":"Yes"}}`,
		`{"clientid":1,"eventid":9007199254740993,"eventuserid":8,"questionid":3,"createtimestamp":"2026-03-31T18:21:00-07:00","content":" ","email":"old@example.com"}`,
		`{"clientid":1,"eventid":9007199254740993,"eventuserid":9,"questionid":4,"createtimestamp":"2026-03-31T18:22:00-07:00","content":"Let me in?","email":"blocked@example.com"}`,
		`{"clientid":1,"eventid":2,"eventuserid":10,"questionid":5,"createtimestamp":"2026-03-31T18:20:00-07:00","content":"Does it work?","email":"tester@example.com"}`,
	},
}

func TestON24ByHand(t *testing.T) {
	l := handmade(protecting(ready["on24"], vendorapi.ProtectKeep, vendorapi.ProtectKeep), time.Date(2026, 4, 2, 0, 0, 0, 0, time.UTC), on24ByHand)
	check(t, l, map[string]expected{
		"no test, nothing that is to come, and the vendor's count where it is higher": {
			"attendance_funnel", []string{"event_id", "registered", "came", "stayed", "asked", "downloaded", "watched_later"},
			[]string{"9007199254740993 | 12 | 3 | 2 | 3 | 1 | 1"}},
		"an event without a category is filed under its title": {
			"topics", []string{"topic", "webinars", "average_minutes", "average_score"}, []string{"Launch | 1 | 54.7 | 5.5"}},
		"the month is that of the event's own zone": {
			"monthly_trend", []string{"month", "came", "came_share", "came_before"}, []string{"2026-03 | 3 | 0.25 | "}},
		"who watched later is no no-show, and who is deleted or forgotten is in no list": {
			"no_shows", []string{"person"}, []string{"absent@example.com"}},
		"questions of words, of people who may be written to, at no test": {
			"open_questions", []string{"person", "question"}, []string{"ann@example.com | Price?"}},
		"leads have their reasons, and what the newest registration says": {
			"leads", []string{"person", "contact", "company", "minutes", "score", "questions", "downloads", "clicks", "points", "profile", "reasons"}, []string{
				"ann@example.com | c1 anew | Acme Ltd | 70 | 5.5 | 2 | 1 | 4 | 84 | https://p.example/7 | clicked Book demo, Get a quote; asked 2 questions; downloaded 1 resource; watched 60 of 60 minutes; scored 5.5 of 10; seen in the last 7 days",
				"old@example.com | c8 |  | 44 |  | 1 | 0 | 0 | 33 |  | asked 1 question; watched 44 of 60 minutes; seen in the last 7 days",
				"later@example.com |  |  | 9 | 1 | 0 | 0 | 0 | 24 |  | watched 9 of 60 minutes; scored 1.0 of 10; seen in the last 7 days",
			}},
	})
}

// gotoByHand is a series of two times, one of which is still to come, and a session that nobody planned.
var gotoByHand = map[string][]string{
	"webinars": {
		`{"webinarKey":"4255157664015486220","subject":"Series (new)","times":[{"startTime":"2026-03-03T17:00:00Z","endTime":"2026-03-03T18:00:00Z"},{"startTime":"2026-05-03T17:00:00Z","endTime":"2026-05-03T18:00:00Z"}],"timeZone":"America/New_York"}`,
	},
	"sessions": {
		`{"sessionKey":"101","webinarKey":"4255157664015486220","webinarName":"Series","startTime":"2026-03-03T16:59:00Z","endTime":"2026-03-03T18:02:00Z","registrantCount":1,"timeZone":"America/New_York"}`,
		`{"sessionKey":"102","webinarKey":"9","webinarName":"Impromptu","startTime":"2026-03-31T22:30:00Z","endTime":"2026-03-31T23:15:00Z","registrantCount":5,"timeZone":"Europe/Berlin"}`,
	},
	"registrants": {
		`{"webinarKey":"4255157664015486220","registrantKey":8123456789012345678,"email":"ann@example.com","registrationDate":"2026-03-01T10:00:00Z","status":"APPROVED"}`,
		`{"webinarKey":"4255157664015486220","registrantKey":8123456789012345679,"email":"denied@example.com","registrationDate":"2026-03-01T10:00:00Z","status":"DENIED"}`,
		`{"webinarKey":"4255157664015486220","registrantKey":8123456789012345680,"email":"waiting@example.com","registrationDate":"2026-03-01T11:00:00Z","status":"WAITING"}`,
		`{"webinarKey":"4255157664015486220","registrantKey":8123456789012345681,"email":"late@example.com","registrationDate":"2026-03-05T10:00:00Z","status":"APPROVED"}`,
	},
	"attendees": {
		`{"sessionKey":101,"webinarKey":"4255157664015486220","registrantKey":8123456789012345678,"email":"ann@example.com","attendanceTimeInSeconds":3000,"attendance":[{"joinTime":"2026-03-03T17:00:00Z","leaveTime":"2026-03-03T17:20:00Z"},{"joinTime":"2026-03-03T17:30:00Z","leaveTime":"2026-03-03T18:00:00Z"}]}`,
	},
	"questions": {
		`{"sessionKey":"101","webinarKey":"4255157664015486220","askedBy":"ann@example.com","question":"Why?","answers":[]}`,
		`{"sessionKey":"101","webinarKey":"4255157664015486220","askedBy":"ann@example.com","question":"How?","answers":[{"answer":"So","answeredBy":"5"}]}`,
	},
}

func TestGoToByHand(t *testing.T) {
	l := handmade(protecting(ready["gotowebinar"], vendorapi.ProtectKeep, vendorapi.ProtectKeep), time.Date(2026, 4, 2, 0, 0, 0, 0, time.UTC), gotoByHand)
	check(t, l, map[string]expected{
		"who was denied has not registered, and who registered later did so for what was to come": {
			"attendance_funnel", []string{"event_id", "title", "registered", "came", "stayed", "asked"}, []string{
				"9/1774996200 | Impromptu | 5 | 0 | 0 | 0",
				"4255157664015486220/1772557200 | Series | 2 | 1 | 1 | 1",
			}},
		"keys are whole": {
			"no_shows", []string{"event_id", "person", "registration_id"}, []string{
				"4255157664015486220/1772557200 | waiting@example.com | 8123456789012345680",
			}},
		"a question without an answer": {
			"open_questions", []string{"event_id", "asked_at", "person", "question"}, []string{
				"4255157664015486220/1772557200 |  | ann@example.com | Why?",
			}},
		"the month is that of the session's own zone": {
			"monthly_trend", []string{"month", "registered", "came", "came_share", "average_minutes", "came_before"}, []string{
				"2026-03 | 2 | 1 | 0.5 | 50 | ",
				"2026-04 | 5 | 0 | 0 |  | 1",
			}},
		"stays count together": {
			"leads", []string{"person", "last_seen", "minutes", "reasons"}, []string{
				"ann@example.com | 2026-03-03T18:00:00Z | 50 | asked 2 questions; watched 50 of 60 minutes; seen in the last 7 days",
			}},
	})
}

// TestMaskedAddressesNameNobody leaves of each address what many people have in common.
func TestMaskedAddressesNameNobody(t *testing.T) {
	l := handmade(protecting(ready["on24"], vendorapi.ProtectMask, vendorapi.ProtectDrop), time.Date(2026, 4, 2, 0, 0, 0, 0, time.UTC), on24ByHand)
	check(t, l, map[string]expected{
		"people are counted by their registrations": {
			"attendance_funnel", []string{"event_id", "registered", "came", "asked"}, []string{"9007199254740993 | 12 | 3 | 3"}},
		"nobody is a lead": {"leads", []string{"person"}, nil},
		"who did not come has an id alone": {
			"no_shows", []string{"person", "registration_id"}, []string{" | 2", " | 5"}},
	})
}

// TestHealthCountsADayFromOneSide has a day compacted, twice over, while its rows are still there.
func TestHealthCountsADayFromOneSide(t *testing.T) {
	l := handmade(ready["on24"], time.Date(2026, 4, 2, 0, 0, 0, 0, time.UTC), on24ByHand)
	setup := l.write(t) + `
create or replace view events_days as select '2026-04-01' as dt, cast(2 as bigint) as compaction;
create or replace view events_compacted as
select * replace (e.dt as dt), c.making as windrow_compaction
from events_rows as e
cross join (select unnest([1, 2]) as making) as c
where e.eventid < 4 or c.making = 1;`
	answers := lakesqltest.Ask(t, setup, map[string]string{
		"events": "select \"rows\", records, days from (" + lakesql.DuckDB(insights.Health(l.vendor).SQL) + ") where stream in ('events', 'registrants') order by stream",
	})
	if diff := cmp.Diff([][]any{{"2", "2", "1"}, {"7", "7", "1"}}, plain(t, answers["events"].Rows)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
