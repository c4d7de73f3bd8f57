package vendorsecret

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/windrow-data/windrow/functions/lease"
	"github.com/windrow-data/windrow/functions/vendorapi"
)

// StagePending is the stage of a version that holds a new refresh token and is not current yet.
const StagePending = "WINDROW_PENDING"

const (
	// pollEvery is how often a held lease is asked for.
	pollEvery = time.Second
	// storeTime bounds what is done after a token is spent, which a deadline must not cut short.
	storeTime = 10 * time.Second
	// leastTime is what must be left before the deadline for a token to be spent, or a request's timeout, where that is shorter.
	// A request that is on its way at the deadline is given as much again: handlers ask vendors for nothing more a safety margin
	// before their end.
	leastTime = 5 * time.Second
	// storeTries is how often a new refresh token is put that Secrets Manager does not take, beside the tries of AWS's SDK.
	storeTries = 3
	// promoteTries is how often somebody may edit the secret while a version is promoted.
	promoteTries = 5
)

// TTL is how long a holder has for one renewal of the vendor's token.
func TTL(v *vendorapi.Vendor) time.Duration { return requestTimeout(v) + storeTime + lease.Skew }

func requestTimeout(v *vendorapi.Vendor) time.Duration {
	if v.RequestTimeout == 0 {
		return vendorapi.DefaultRequestTimeout
	}
	return v.RequestTimeout.D()
}

// Keeper implements [vendorapi.Keeper] for the functions of one vendor, which have the secret and the lease in common.
//
// A renewal goes so, by the holder of the lease alone:
//
//  1. Read the current version of the secret. Where another function has stored a token since, use that.
//  2. Note in the lease which version's refresh token is about to be spent, and the version that the new one will be stored under.
//  3. Spend it.
//  4. Put what came as that version, under a stage of its own, [StagePending].
//  5. Move the stage AWSCURRENT there from the version that was read. Where a person has written another one meanwhile, the new
//     tokens are put into a copy of that, or, where it holds another refresh token, given up for it.
//  6. Release the lease. The note stays where a new token was stored, and is taken back where nothing was spent.
//
// Whoever finds a note looks first for the version that it names. If it is there, it is made current, unless it is or has been: the one
// before may have died before 5, and what Secrets Manager calls current may be what it was a moment ago, whereas the note is S3's and the latest.
// If it is not there, the refresh token may be spent, and is not sent again: that is [vendorapi.ErrTokenLost], until a person
// has put a new one. A vendor that gives no new refresh token has its secret left alone, and each function then has a token of its own.
type Keeper struct {
	Store
	Lease  lease.Leaser
	Sleep  func(context.Context, time.Duration) error
	Logger *slog.Logger
}

// note is what a holder is about to do.
type note struct {
	// Spends is the version whose refresh token is sent, Becomes the one that what comes is stored under.
	Spends  string `json:"spends"`
	Becomes string `json:"becomes"`
}

// Renew implements [vendorapi.Keeper].
func (k *Keeper) Renew(ctx context.Context, stale string, spend func(context.Context, vendorapi.Secret) (vendorapi.Grant, error)) (vendorapi.Grant, error) {
	for {
		grant, err := k.attempt(ctx, stale, spend)
		// Whoever loses the lease before it has spent anything begins anew.
		if !errors.Is(err, lease.ErrLost) {
			return grant, err
		}
	}
}

func (k *Keeper) attempt(ctx context.Context, stale string, spend func(context.Context, vendorapi.Secret) (vendorapi.Grant, error)) (vendorapi.Grant, error) {
	current, err := k.current(ctx)
	if err != nil {
		return vendorapi.Grant{}, err
	}
	if grant, ok := k.shared(current, stale); ok {
		return grant, nil
	}
	held, err := k.acquire(ctx)
	if err != nil {
		return vendorapi.Grant{}, err
	}
	grant, left, err := k.renew(ctx, held, stale, spend)
	if errors.Is(err, lease.ErrLost) {
		return vendorapi.Grant{}, err
	}
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTime)
	defer cancel()
	// The lease would end by itself, and a note that stays says no more than what was so.
	if err := k.Lease.Release(ending, held, left); err != nil {
		k.Logger.WarnContext(ctx, "the lease of the vendor's token is not given back", "vendor", k.Vendor.Name, "reason", err.Error())
	}
	return grant, err
}

// renew does the work of the lease's holder. Left is the note that the next one needs, nil where no token was spent.
func (k *Keeper) renew(ctx context.Context, held *lease.Lease, stale string, spend func(context.Context, vendorapi.Secret) (vendorapi.Grant, error)) (grant vendorapi.Grant, left json.RawMessage, err error) {
	current, err := k.settle(ctx, held.Note)
	if err != nil {
		return grant, held.Note, err
	}
	if grant, ok := k.shared(current, stale); ok {
		return grant, nil, nil
	}
	span := TTL(k.Vendor) - storeTime
	if deadline, ok := ctx.Deadline(); ok {
		remaining, least := deadline.Sub(k.Lease.Now()), min(leastTime, requestTimeout(k.Vendor))
		if remaining < least {
			return grant, nil, fmt.Errorf("renew the vendor's token: %w", vendorapi.ErrDeadline)
		}
		span = min(span, remaining+least)
	}
	if err := ctx.Err(); err != nil {
		return grant, nil, err
	}
	becomes := k.versionID(held, current)
	if left, err = json.Marshal(note{Spends: current.id, Becomes: becomes}); err != nil {
		return grant, nil, err
	}
	if err := k.Lease.Note(ctx, held, left); err != nil {
		// Where the answer was lost, nothing has been spent all the same.
		return grant, nil, fmt.Errorf("note that the vendor's refresh token is spent: %w", err)
	}
	spending, cancel := context.WithTimeout(context.WithoutCancel(ctx), span)
	grant, err = spend(spending, current.secret())
	cancel()
	switch {
	case errors.Is(err, vendorapi.ErrTokenLost):
		return grant, left, k.lost(err)
	case err != nil:
		return grant, nil, err
	case grant.Refresh == "" || grant.Refresh == current.secret()[k.field()]:
		return grant, nil, nil
	}
	storing, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTime)
	defer cancel()
	next := maps.Clone(current.secret())
	next[vendorapi.FieldSpentToken] = next[k.field()]
	next[k.field()] = grant.Refresh
	next[vendorapi.FieldAccessToken] = grant.Token
	next[vendorapi.FieldRenewAt] = grant.RenewAt.UTC().Format(time.RFC3339Nano)
	pending, err := k.put(storing, becomes, next)
	for try := 1; err != nil && try < storeTries && k.Sleep(storing, k.poll()) == nil; try++ {
		pending, err = k.put(storing, becomes, next)
	}
	if err == nil {
		_, err = k.promote(storing, pending)
	}
	if err != nil {
		return vendorapi.Grant{}, left, err
	}
	k.Logger.InfoContext(ctx, "the vendor's new refresh token is stored", "vendor", k.Vendor.Name, "version", becomes, "fence", held.Fence)
	return grant, left, nil
}

// field is the secret's field of the refresh token.
func (k *Keeper) field() string { return k.Vendor.Auth.Token.Refresh.Field }

func (k *Keeper) current(ctx context.Context) (version, error) {
	return k.read(ctx, &secretsmanager.GetSecretValueInput{VersionStage: aws.String(stageCurrent)})
}

// shared returns the token that another function has stored, where it is good and not stale.
func (k *Keeper) shared(v version, stale string) (vendorapi.Grant, bool) {
	token := v.secret()[vendorapi.FieldAccessToken]
	renewAt, err := time.Parse(time.RFC3339Nano, v.secret()[vendorapi.FieldRenewAt])
	if err != nil || token == "" || token == stale || !k.Lease.Now().Before(renewAt) {
		return vendorapi.Grant{}, false
	}
	return vendorapi.Grant{Token: token, RenewAt: renewAt}, true
}

// poll is how long to wait until something is looked at again: less where the vendor is described to answer within a moment, since an
// invocation's time is then as short, as in a local run.
func (k *Keeper) poll() time.Duration { return min(pollEvery, requestTimeout(k.Vendor)/20) }

// acquire waits for the lease for as long as there is time.
func (k *Keeper) acquire(ctx context.Context) (*lease.Lease, error) {
	for {
		held, err := k.Lease.Acquire(ctx)
		if !errors.Is(err, lease.ErrHeld) {
			return held, err
		}
		if deadline, ok := ctx.Deadline(); ok && !k.Lease.Now().Add(k.poll()).Before(deadline) {
			return nil, fmt.Errorf("wait for the vendor's token: %w: %w", vendorapi.ErrDeadline, err)
		}
		if err := k.Sleep(ctx, k.poll()); err != nil {
			return nil, err
		}
	}
}

// settle ends what a holder before has begun, and returns the current version. It fails with [vendorapi.ErrTokenLost] where its
// refresh token may have been spent.
func (k *Keeper) settle(ctx context.Context, noted json.RawMessage) (version, error) {
	var n note
	if len(noted) > 0 {
		if err := json.Unmarshal(noted, &n); err != nil {
			return version{}, fmt.Errorf("the note of the vendor's token: %w", err)
		}
	}
	current, err := k.current(ctx)
	if err != nil {
		return version{}, err
	}
	// A version under the stage that is not current is made so even where nothing is noted: a person may have put an older
	// value back.
	var wanted []*secretsmanager.GetSecretValueInput
	if n.Becomes != "" {
		wanted = append(wanted, &secretsmanager.GetSecretValueInput{VersionId: &n.Becomes})
	}
	wanted = append(wanted, &secretsmanager.GetSecretValueInput{VersionStage: aws.String(StagePending)})
	for _, input := range wanted {
		pending, there, err := k.find(ctx, input)
		if err != nil {
			return version{}, err
		}
		if !there {
			continue
		}
		if current, err = k.promote(ctx, pending); err != nil || pending.id == n.Becomes {
			return current, err
		}
	}
	if n.Spends == "" || k.Vendor.Auth.Token.Refresh.Reusable {
		return current, nil
	}
	spent, there := current, true
	if n.Spends != current.id {
		// A person has written the secret since, with another refresh token or with the same.
		if spent, there, err = k.find(ctx, &secretsmanager.GetSecretValueInput{VersionId: &n.Spends}); err != nil {
			return version{}, err
		}
	}
	if there && spent.secret()[k.field()] == current.secret()[k.field()] {
		return version{}, k.lost(vendorapi.ErrTokenLost)
	}
	return current, nil
}

// find returns a version, and whether there is one.
func (k *Keeper) find(ctx context.Context, input *secretsmanager.GetSecretValueInput) (version, bool, error) {
	v, err := k.read(ctx, input)
	if missing := (*types.ResourceNotFoundException)(nil); errors.As(err, &missing) {
		return version{}, false, nil
	}
	return v, err == nil, err
}

// promote makes a version current that holds new tokens, with whatever else the secret holds by now, and returns what is current
// then. A secret whose refresh token is not the one that the new one was given for stays as it is: a person has authorized again.
func (k *Keeper) promote(ctx context.Context, pending version) (version, error) {
	var failed error
	for range promoteTries {
		current, err := k.current(ctx)
		if err != nil {
			return version{}, err
		}
		if current.id == pending.id || current.secret()[k.field()] != pending.secret()[vendorapi.FieldSpentToken] {
			return current, nil
		}
		merged := maps.Clone(current.secret())
		for _, field := range []string{k.field(), vendorapi.FieldSpentToken, vendorapi.FieldAccessToken, vendorapi.FieldRenewAt} {
			merged[field] = pending.secret()[field]
		}
		if !maps.Equal(merged, pending.secret()) {
			if pending, err = k.put(ctx, idOf(pending.id, current.id), merged); err != nil {
				return version{}, err
			}
		}
		// The stage moves only from the version that was read, so that what a person has put since is not lost.
		_, err = k.API.UpdateSecretVersionStage(ctx, &secretsmanager.UpdateSecretVersionStageInput{
			SecretId: &k.ID, VersionStage: aws.String(stageCurrent), MoveToVersionId: &pending.id, RemoveFromVersionId: &current.id,
		})
		if err == nil {
			return pending, nil
		}
		failed = fmt.Errorf("make the vendor's new refresh token current: %w", err)
		var moved *types.InvalidParameterException
		var refused *types.InvalidRequestException
		if !errors.As(err, &moved) && !errors.As(err, &refused) {
			return version{}, failed
		}
		if err := k.Sleep(ctx, k.poll()); err != nil {
			return version{}, errors.Join(failed, err)
		}
	}
	return version{}, failed
}

// put stores a version under the pending stage. The same put again changes nothing.
func (k *Keeper) put(ctx context.Context, id string, secret vendorapi.Secret) (version, error) {
	// A Secret marshals without its values.
	body, err := json.Marshal(map[string]string(secret))
	if err != nil {
		return version{}, err
	}
	_, err = k.API.PutSecretValue(ctx, &secretsmanager.PutSecretValueInput{
		SecretId: &k.ID, ClientRequestToken: &id, SecretString: aws.String(string(body)), VersionStages: []string{StagePending},
	})
	if err != nil {
		return version{}, fmt.Errorf("store the vendor's new refresh token: %w", err)
	}
	return version{id: id, secret: func() vendorapi.Secret { return secret }}, nil
}

// versionID names the version that the lease's holder will put. No other holder's has this name.
func (k *Keeper) versionID(held *lease.Lease, current version) string {
	return idOf(k.Lease.Holder, fmt.Sprint(held.Fence), current.id)
}

// idOf makes a version's id, which is 32 to 64 characters long.
// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_PutSecretValue.html
func idOf(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\n")))
	return "windrow-" + hex.EncodeToString(sum[:16])
}

// lost says what a person has to do. What comes after it is why.
func (k *Keeper) lost(err error) error {
	return fmt.Errorf("authorize the app at the vendor again, and put its new refresh token with: %s: %w", k.command(), err)
}

// command fills the secret.
func (k *Keeper) command() string {
	region := ""
	if arn := strings.Split(k.ID, ":"); len(arn) > 3 {
		region = " --region " + arn[3]
	}
	var fields []string
	for _, field := range k.Vendor.SecretFields() {
		fields = append(fields, fmt.Sprintf("%q:\"...\"", field))
	}
	return fmt.Sprintf("aws secretsmanager put-secret-value%s --secret-id %s --secret-string '{%s}'", region, k.ID, strings.Join(fields, ","))
}
