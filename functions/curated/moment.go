package curated

// What vendors write nearly always, yyyy-mm-dd and yyyy-mm-ddThh:mm:ss with Z or an offset, is read here, in a fifth of the
// time that package time takes. All other texts, right or wrong, are left to package time.

const (
	secondsADay = 24 * 60 * 60
	dateLength  = len("2006-01-02")
	timeLength  = len("2006-01-02T15:04:05")
)

// plainTime reads a time with its offset as microseconds since 1970; ok is false where package time must be asked.
func plainTime(s []byte) (micros int64, ok bool) {
	if len(s) != timeLength+len("Z") && len(s) != timeLength+len("+00:00") || s[10] != 'T' || s[13] != ':' || s[16] != ':' {
		return 0, false
	}
	days, ok := plainDate(s[:dateLength])
	hour, minute, second := twoDigits(s[11:]), twoDigits(s[14:]), twoDigits(s[17:])
	if !ok || hour > 23 || minute > 59 || second > 59 {
		return 0, false
	}
	seconds := int64(days)*secondsADay + int64(hour*60*60+minute*60+second)
	switch zone := s[timeLength:]; {
	case len(zone) == 1:
		return seconds * 1e6, zone[0] == 'Z'
	case zone[3] == ':':
		hours, minutes := twoDigits(zone[1:]), twoDigits(zone[4:])
		offset := int64(hours*60*60 + minutes*60)
		if zone[0] == '-' {
			offset = -offset
		}
		return (seconds - offset) * 1e6, (zone[0] == '+' || zone[0] == '-') && hours <= 23 && minutes <= 59
	}
	return 0, false
}

// plainDate reads a date as days since 1970; ok is false where package time must be asked.
func plainDate(s []byte) (days int32, ok bool) {
	if len(s) != dateLength || s[4] != '-' || s[7] != '-' {
		return 0, false
	}
	century, rest, month, day := twoDigits(s), twoDigits(s[2:]), twoDigits(s[5:]), twoDigits(s[8:])
	// Whether a February has 29 days is left to package time.
	if century > 99 || rest > 99 || month < 1 || month > 12 || day < 1 || day > daysOf[month] {
		return 0, false
	}
	// Years that begin in March have their odd day at the end. Months behind it are, five by five, 153 days long.
	// https://howardhinnant.github.io/date_algorithms.html#days_from_civil
	year := century*100 + rest
	if month < 3 {
		year--
		month += 12
	}
	// 400 years are added and taken away again, so that the year is never negative.
	y := year + 400
	return int32(365*y + y/4 - y/100 + y/400 + (153*(month-3)+2)/5 + day - 1 - 719468 - 146097), true
}

// daysOf holds how many days a month has in every year.
var daysOf = [13]int{1: 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}

// twoDigits reads two decimal digits, and returns more than 99 where s does not begin with them.
func twoDigits(s []byte) int {
	tens, ones := s[0]-'0', s[1]-'0'
	if tens > 9 || ones > 9 {
		return 100
	}
	return int(tens)*10 + int(ones)
}
