WITH refunds AS (
  SELECT a.event_id, r.event_id AS refund_id, r.event_us, r.total_minor, p.times AS enough, r.operator_id = a.operator_id AS own,
         r.reference_event_id IS NOT NULL OR r.reference_receipt_no IS NOT NULL OR r.reference_sequence_no IS NOT NULL AS named
  FROM anchor a
  JOIN params p ON p.tenant_id = a.tenant_id AND p.store_id = a.store_id
  JOIN pos r ON r.tenant_id = a.tenant_id AND r.store_id = a.store_id AND r.kind = 'RETURN'
            AND r.business_day = a.business_day AND NOT r.training AND NOT r.test AND r.total_minor >= p.smallest_minor
            AND r.event_us > a.event_us - 86400000000
            AND (r.event_us < a.event_us OR (r.event_us = a.event_us AND r.event_id <= a.event_id))
  WHERE NOT a.training AND NOT a.test AND a.operator_id IS NOT NULL AND a.total_minor >= p.smallest_minor
    AND a.reference_event_id IS NULL AND a.reference_receipt_no IS NULL AND a.reference_sequence_no IS NULL
),
counted AS (
  SELECT event_id, max(enough) AS enough, sum(CASE WHEN named THEN 1 ELSE 0 END) AS all_named,
         sum(CASE WHEN own AND named THEN 1 ELSE 0 END) AS own_named,
         sum(CASE WHEN own AND NOT named THEN 1 ELSE 0 END) AS times,
         sum(CASE WHEN own AND NOT named THEN total_minor ELSE 0 END) AS amount_minor,
         string_agg(CASE WHEN own AND NOT named THEN refund_id END, ',' ORDER BY event_us, refund_id) AS members
  FROM refunds
  GROUP BY event_id
)
SELECT event_id AS anchor_id,
       CASE WHEN all_named = 0 THEN 'indeterminate' WHEN own_named >= times OR times > enough THEN 'silent' ELSE 'fired' END AS outcome,
       CASE WHEN all_named = 0 THEN 'missing_reference' WHEN own_named >= times THEN 'service_desk'
            WHEN times > enough THEN 'goes_on' ELSE 'without_receipt' END AS why, amount_minor, members, times
FROM counted
WHERE times >= enough
