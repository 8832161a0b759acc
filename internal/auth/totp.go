package auth

import (
	"context"
	"crypto/subtle"
	"fmt"
	"time"

	"github.com/boombuler/barcode/qr"
	"github.com/pquerna/otp"
	"github.com/pquerna/otp/totp"
)

// factorRecord is what is sealed of a one-time-code app.
type factorRecord struct {
	Secret    string `json:"secret"`    // base32
	Confirmed bool   `json:"confirmed"` // the person has shown a code; before that it is not asked for
	Last      int64  `json:"last"`      // time step of the last code taken; no code is taken twice
}

// codeStep is the time one code stands for, in seconds, and codeSkew how many steps a clock may be off.
const (
	codeStep = 30
	codeSkew = 1
)

// BeginSecondFactor makes a secret for a one-time-code app. It counts from ConfirmSecondFactor on. The address is for a
// QR code; both are shown to the person once. The password proves who asks: whoever finds a screen left open must not
// tie the account to a phone of their own.
func (a *Auth) BeginSecondFactor(ctx context.Context, person, password, from string) (secret, address string, err error) {
	p, ok := a.Person(person)
	if !ok || !p.Active {
		return "", "", noPerson(person)
	}
	if err := a.prove(ctx, p, password, from); err != nil {
		return "", "", err
	}
	site := a.opt.Site
	if site == "" {
		site = a.opt.Journal.Site()
	}
	key, err := totp.Generate(totp.GenerateOpts{Issuer: "Siaga " + site, AccountName: p.Login, Period: codeStep, SecretSize: 20})
	if err != nil {
		return "", "", fmt.Errorf("auth: making a one-time-code secret: %w", err)
	}
	err = a.commit(ctx, By{Actor: person}, func(c *change) error {
		var rec factorRecord
		if _, err := a.openRecord(ctx, c.tx, person, secretFactor, &rec); err != nil {
			return err
		}
		if rec.Confirmed {
			return conflict("code", "a one-time-code app is set up already; remove it first")
		}
		if err := c.setRecord(person, secretFactor, factorRecord{Secret: key.Secret()}); err != nil {
			return err
		}
		return c.event(KindFactorBegun, person, reason{})
	})
	return key.Secret(), key.URL(), err
}

// ConfirmSecondFactor takes the first code of the app; from then on sign-ins ask for one.
func (a *Auth) ConfirmSecondFactor(ctx context.Context, person, code string) error {
	return a.commit(ctx, By{Actor: person}, func(c *change) error {
		var rec factorRecord
		have, err := a.openRecord(ctx, c.tx, person, secretFactor, &rec)
		if err != nil {
			return err
		}
		if !have || rec.Confirmed {
			return conflict("code", "there is no app waiting to be confirmed; begin anew")
		}
		step, ok := a.stepOf(rec, code)
		if !ok {
			return invalid("code", "this is not the code of now; compare the clocks of phone and server")
		}
		rec.Confirmed, rec.Last = true, step
		if err := c.setRecord(person, secretFactor, rec); err != nil {
			return err
		}
		return c.factorEvent(person, true)
	})
}

// QR is a text as a QR code: one string a row, 1 for dark.
func QR(text string) ([]string, error) {
	code, err := qr.Encode(text, qr.M, qr.Auto)
	if err != nil {
		return nil, fmt.Errorf("auth: making a QR code: %w", err)
	}
	size := code.Bounds().Size()
	rows := make([]string, size.Y)
	for y := range rows {
		row := make([]byte, size.X)
		for x := range row {
			row[x] = '0'
			if r, _, _, _ := code.At(x, y).RGBA(); r == 0 {
				row[x] = '1'
			}
		}
		rows[y] = string(row)
	}
	return rows, nil
}

// RemoveSecondFactor stops asking a person for codes, when their phone is lost or changed. Removing somebody else's
// needs a reason.
func (a *Auth) RemoveSecondFactor(ctx context.Context, by By, person string) error {
	return a.commit(ctx, by, func(c *change) error {
		if _, ok := c.r.byID[person]; !ok {
			return noPerson(person)
		}
		if by.Actor != person && by.Reason == "" {
			return invalid("reason", "removing somebody's one-time-code app needs a reason")
		}
		var rec factorRecord
		have, err := a.openRecord(ctx, c.tx, person, secretFactor, &rec)
		if err != nil || !have {
			return err // there is nothing to remove
		}
		if err := c.dropSecret(person, secretFactor); err != nil {
			return err
		}
		return c.factorEvent(person, false)
	})
}

func (c *change) factorEvent(person string, on bool) error {
	return c.event(KindPersonFactor, person, struct {
		On     bool   `json:"on"`
		Reason string `json:"reason,omitempty"`
	}{on, c.by.Reason})
}

// checkCode says "" when the code is right or none is asked for, and otherwise what is wrong. A code taken once is
// remembered in the same transaction, so that it opens nothing a second time.
func (c *change) checkCode(ctx context.Context, person, code string) (string, error) {
	var rec factorRecord
	if _, err := c.a.openRecord(ctx, c.tx, person, secretFactor, &rec); err != nil || !rec.Confirmed {
		return "", err
	}
	if code == "" {
		return "code missing", nil
	}
	step, ok := c.a.stepOf(rec, code)
	if !ok {
		return "code", nil
	}
	rec.Last = step
	return "", c.setRecord(person, secretFactor, rec)
}

// stepOf finds the time step a code belongs to, newer than the last one taken.
func (a *Auth) stepOf(rec factorRecord, code string) (int64, bool) {
	now := a.now().Unix() / codeStep
	for step := now - codeSkew; step <= now+codeSkew; step++ {
		want, err := totp.GenerateCodeCustom(rec.Secret, time.Unix(step*codeStep, 0), totp.ValidateOpts{Period: codeStep, Digits: otp.DigitsSix})
		if err == nil && subtle.ConstantTimeCompare([]byte(want), []byte(code)) == 1 && step > rec.Last {
			return step, true
		}
	}
	return 0, false
}
