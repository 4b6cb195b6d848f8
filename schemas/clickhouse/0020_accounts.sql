-- Accounts: people of one company, added up. The best person counts whole, the second half, the third a quarter, so that
-- ten idle readers do not outweigh one buyer.
--
-- Which company a lead is of, it says itself: lead_state has no group id. So the key is the company's name as the lead
-- gave it (case and white space made alike, nothing else: "Acme" and "Acme Ltd" are two), else the domain of an e-mail
-- address that no free-mail provider gave. Leads with neither are of no account.
--
-- News (market_signals) is of an account when its account, made alike in the same way, is the key or one of the domains.
CREATE VIEW IF NOT EXISTS accounts_at AS
SELECT
    site, track, account, name, domains, people, active_people, score,
    toUInt8(1 + arrayCount(b -> score < b, bands)) AS engagement,
    fit,
    concat(fit, toString(engagement)) AS grade,
    best_lead, best_name, best_score, last_seen,
    length(arrayDistinct(news.2)) AS signals,
    arrayDistinct(news.3) AS signal_kinds,
    news.4[1] AS signal_title,
    if(empty(news), NULL, news.1[1]) AS signal_at
FROM
(
    SELECT -- one row an account, with the news of each of its words
        site, track, account, name, domains, people, active_people, score, fit, best_lead, best_name, best_score, last_seen,
        arrayReverseSort(groupUniqArrayArray(word_news)) AS news
    FROM
    (
        SELECT
            *,
            arrayJoin(arrayDistinct(arrayPushFront(domains, account))) AS word
        FROM
        (
            SELECT
                site, track, account,
                arraySort(groupUniqArrayIf(domain, domain != '')) AS domains,
                count() AS people,
                countIf(person_seen > {at:DateTime64(3, 'UTC')} - INTERVAL 14 DAY) AS active_people,
                arrayReverseSort(groupArrayIf(person_score, person_score > 0)) AS ranked,
                least(100., arraySum((s, rank) -> s * exp2(1 - toInt64(rank)), ranked, arrayEnumerate(ranked))) AS score,
                [countIf(person_fit = 'A'), countIf(person_fit = 'B'), countIf(person_fit = 'C'), countIf(person_fit = 'D')] AS fits,
                if(arraySum(fits) = 0, '?', ['A', 'B', 'C', 'D'][indexOf(fits, arrayMax(fits))]) AS fit,
                argMin((lead_id, who, person_score, if(company_name = '', domain, company_name)), (-person_score, -toUnixTimestamp64Milli(person_seen), lead_id)) AS best,
                best.1 AS best_lead, best.2 AS best_name, best.3 AS best_score, best.4 AS name,
                max(person_seen) AS last_seen
            FROM
            (
                SELECT
                    site, track, lead_id,
                    score AS person_score,
                    last_seen AS person_seen,
                    fit AS person_fit,
                    multiIf(leads_now.name != '', leads_now.name, email != '', email, user_id) AS who,
                    trimBoth(replaceRegexpAll(company, '[\\s\\pZ]+', ' ')) AS company_name,
                    extract(lowerUTF8(trimBoth(email)), '^[^@\\s]+@([^@\\s]+\\.[^@\\s]+)$') AS host,
                    if(match(host, '^(yahoo|ymail|hotmail|outlook|live|msn|gmx|yandex)\\.[a-z]{2,3}(\\.[a-z]{2})?$')
                        OR replaceRegexpOne(host, '^vip\\.', '') IN (
                            'gmail.com', 'googlemail.com', 'icloud.com', 'me.com', 'mac.com', 'aol.com', 'rocketmail.com', 'mail.com', 'email.com',
                            'proton.me', 'protonmail.com', 'pm.me', 'tutanota.com', 'tuta.io', 'fastmail.com', 'fastmail.fm', 'hey.com', 'zohomail.com',
                            'web.de', 't-online.de', 'freenet.de', 'arcor.de', 'posteo.de', 'mailbox.org', 'bluewin.ch', 'orange.fr', 'wanadoo.fr', 'free.fr',
                            'laposte.net', 'sfr.fr', 'libero.it', 'virgilio.it', 'ziggo.nl', 'seznam.cz', 'wp.pl', 'o2.pl', 'onet.pl', 'interia.pl',
                            'btinternet.com', 'comcast.net', 'verizon.net', 'att.net', 'sbcglobal.net', 'bellsouth.net', 'cox.net', 'charter.net', 'rogers.com',
                            'shaw.ca', 'bigpond.com', 'mail.ru', 'bk.ru', 'inbox.ru', 'list.ru', 'rambler.ru', 'ukr.net', 'rediffmail.com', 'uol.com.br',
                            'bol.com.br', 'terra.com.br', 'qq.com', 'foxmail.com', '163.com', '126.com', 'yeah.net', '188.com', '139.com', '189.cn', 'wo.cn',
                            'sina.com', 'sina.cn', 'sina.com.cn', 'sohu.com', 'tom.com', '21cn.com', 'aliyun.com', 'naver.com', 'hanmail.net', 'daum.net'),
                        '', host) AS domain,
                    if(company_name = '', domain, lowerUTF8(company_name)) AS account
                FROM leads_at(at = {at:DateTime64(3, 'UTC')}) AS leads_now
                -- The last: a lead that the collectors made of news of an account is nobody.
                WHERE fit != 'X' AND (company != '' OR email != '') AND NOT (anonymous_id = '' AND startsWith(user_id, 'account:'))
            )
            WHERE account != ''
            GROUP BY site, track, account
        )
    ) AS worded
    LEFT JOIN
    (
        SELECT
            site,
            lowerUTF8(trimBoth(replaceRegexpAll(account, '[\\s\\pZ]+', ' '))) AS word,
            groupUniqArray((at, event_id, kind::String, title)) AS word_news
        FROM market_signals
        WHERE at > {at:DateTime64(3, 'UTC')} - INTERVAL 90 DAY AND at <= {at:DateTime64(3, 'UTC')}
        GROUP BY site, word
    ) AS heard USING (site, word)
    GROUP BY site, track, account, name, domains, people, active_people, score, fit, best_lead, best_name, best_score, last_seen
) AS companies
LEFT JOIN
(
    -- The model's bands, as the newest decision had them.
    SELECT site, track, argMax(bands, (received_at, model_version, lead_id, revision)) AS bands
    FROM lead_state
    GROUP BY site, track
) AS newest USING (site, track)
COMMENT 'Companies by the scores of their people, at an instant: accounts_at(at = ''2026-01-31 12:00:00''). The columns are those of view accounts, which says what each is. Not for instants before a lead''s newest event';

CREATE VIEW IF NOT EXISTS accounts AS
SELECT * FROM accounts_at(at = now64(3, 'UTC'))
COMMENT 'Companies by the scores of their people, as of now: one row a site, track and account, by the name of the company, else the domain of a business e-mail address. Without ruled-out leads (fit X)';

ALTER TABLE accounts
    COMMENT COLUMN site 'The site',
    COMMENT COLUMN track 'The score model''s track',
    COMMENT COLUMN account 'The key: the company''s name in small letters with single spaces, else the domain of a business e-mail address (no free-mail domain)',
    COMMENT COLUMN name 'The company as its best person wrote it, else the domain',
    COMMENT COLUMN domains 'Domains of its people''s business e-mail addresses, in order',
    COMMENT COLUMN people 'Leads of the account; whoever uses two devices that are not joined is two',
    COMMENT COLUMN active_people 'Of those, seen in the last 14 days',
    COMMENT COLUMN score '0 to 100: the positive scores of its people from the highest down, each worth half of the one before, added and clamped',
    COMMENT COLUMN engagement 'Band of score by the model''s bounds: 1 (hottest) to 4',
    COMMENT COLUMN fit 'The fit most of its people have whose fit is known, A-D, of two as frequent the better; ? when none is known',
    COMMENT COLUMN grade 'Fit and band: A1, B3, ?2',
    COMMENT COLUMN best_lead 'The person of the highest score; joins leads',
    COMMENT COLUMN best_name 'That person''s name, else e-mail address, else user id',
    COMMENT COLUMN best_score 'That person''s score',
    COMMENT COLUMN last_seen 'Newest event of any of its people',
    COMMENT COLUMN signals 'News of the account (market_signals) in the last 90 days, by its key or one of its domains',
    COMMENT COLUMN signal_kinds 'Kinds of that news, the newest first: funding, tender, ...',
    COMMENT COLUMN signal_title 'Headline of the newest',
    COMMENT COLUMN signal_at 'When the newest was; NULL without news';
