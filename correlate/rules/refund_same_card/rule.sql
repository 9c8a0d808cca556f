WITH card AS (
  SELECT a.event_id, max(m.entity) AS card_token
  FROM anchor a
  JOIN history m ON m.event_id = a.event_id AND m.entity_kind = 'card'
  GROUP BY a.event_id
),
credited AS (
  SELECT c.event_id, r.event_id AS refund_id, r.event_us, max(r.amount_minor) AS amount_minor, max(p.times) AS times,
         max(p.apart_seconds) * 1000000 AS apart_us, max(p.within_days) AS within_days
  FROM card c
  JOIN anchor a ON a.event_id = c.event_id
  JOIN params p ON p.tenant_id = a.tenant_id AND p.store_id = a.store_id
  JOIN history r ON r.tenant_id = a.tenant_id AND r.store_id = a.store_id AND r.entity_kind = 'card'
            AND r.entity = c.card_token AND r.kind = 'RETURN'
            AND r.event_us > a.event_us - p.within_days * 86400000000
            AND (r.event_us < a.event_us OR (r.event_us = a.event_us AND r.event_id <= a.event_id))
  GROUP BY c.event_id, r.event_id, r.event_us
),
spaced AS (
  SELECT event_id, refund_id, event_us, amount_minor, times, within_days,
         CASE WHEN event_us - lag(event_us) OVER (PARTITION BY event_id ORDER BY event_us, refund_id) <= apart_us
              THEN 0 ELSE 1 END AS begins
  FROM credited
),
counted AS (
  SELECT event_id, sum(begins) AS visits, max(CASE WHEN refund_id = event_id THEN begins ELSE 0 END) AS begins,
         count(refund_id) AS refunds, sum(amount_minor) AS amount_minor, max(times) AS times, max(within_days) AS within_days,
         string_agg(refund_id, ',' ORDER BY event_us, refund_id) AS members
  FROM spaced
  GROUP BY event_id
)
SELECT event_id AS anchor_id,
       CASE WHEN visits = times AND begins = 1 THEN 'fired' ELSE 'silent' END AS outcome,
       CASE WHEN visits = times AND begins = 1 THEN 'once_too_often' ELSE 'goes_on' END AS why,
       amount_minor, members, refunds, visits AS times, within_days
FROM counted
WHERE visits >= times
