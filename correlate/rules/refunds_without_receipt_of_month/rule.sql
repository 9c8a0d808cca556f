WITH refunds AS (
  SELECT a.event_id, r.event_id AS refund_id, r.event_us, r.amount_minor, r.names_sale AS named, r.entity = a.operator_id AS own,
         p.times AS step, p.factor
  FROM anchor a
  JOIN params p ON p.tenant_id = a.tenant_id AND p.store_id = a.store_id
  JOIN history r ON r.tenant_id = a.tenant_id AND r.store_id = a.store_id AND r.entity_kind = 'operator' AND r.kind = 'RETURN'
            AND r.amount_minor >= p.smallest_minor AND r.event_us > a.event_us - p.within_days * 86400000000
            AND (r.event_us < a.event_us OR (r.event_us = a.event_us AND r.event_id <= a.event_id))
  WHERE NOT a.training AND NOT a.test AND a.operator_id IS NOT NULL AND a.total_minor >= p.smallest_minor
    AND a.reference_event_id IS NULL AND a.reference_receipt_no IS NULL AND a.reference_sequence_no IS NULL
),
counted AS (
  SELECT event_id, max(step) AS step, max(factor) AS factor,
         sum(CASE WHEN own THEN 1 ELSE 0 END) AS refunds,
         sum(CASE WHEN own AND NOT named THEN 1 ELSE 0 END) AS times,
         sum(CASE WHEN own THEN 0 ELSE 1 END) AS other_refunds,
         sum(CASE WHEN own OR named THEN 0 ELSE 1 END) AS other_times,
         sum(CASE WHEN own AND NOT named THEN amount_minor ELSE 0 END) AS amount_minor,
         string_agg(CASE WHEN own AND NOT named THEN refund_id END, ',' ORDER BY event_us, refund_id) AS members
  FROM refunds
  GROUP BY event_id
)
SELECT event_id AS anchor_id,
       CASE WHEN other_refunds < refunds OR times * other_refunds <= factor * other_times * refunds OR times % step <> 0
            THEN 'silent' ELSE 'fired' END AS outcome,
       CASE WHEN other_refunds < refunds THEN 'nobody_to_compare'
            WHEN times * other_refunds <= factor * other_times * refunds THEN 'as_others'
            WHEN times % step <> 0 THEN 'goes_on' ELSE 'more_than_others' END AS why,
       amount_minor, members, times, refunds, other_times, other_refunds
FROM counted
WHERE times >= step
