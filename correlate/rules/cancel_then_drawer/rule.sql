WITH near AS (
  SELECT a.event_id AS anchor_id, p.within_seconds, n.event_id, n.event_us, n.total_minor, n.operator_id, n.supervisor_id,
         n.kind IN ('SALE', 'EXCHANGE', 'RETURN') AS sells,
         coalesce(n.kind = 'CANCEL' AND n.total_minor >= p.smallest_minor AND NOT n.training AND NOT n.test
                  AND (n.event_us < a.event_us OR coalesce(n.sequence_no < a.sequence_no, true))
                  AND (a.kind <> 'NO_SALE' OR coalesce(n.operator_id <> a.operator_id, true)), false) AS cancels
  FROM anchor a
  JOIN params p ON p.tenant_id = a.tenant_id AND p.store_id = a.store_id
  JOIN pos n ON n.tenant_id = a.tenant_id AND n.store_id = a.store_id AND n.register_id = a.register_id
            AND n.event_us BETWEEN a.event_us - p.within_seconds * 1000000 AND a.event_us
  WHERE NOT a.training AND NOT a.test
)
SELECT anchor_id,
       CASE WHEN sales > 0 OR supervisor_id <> coalesce(operator_id, '') THEN 'silent' ELSE 'fired' END AS outcome,
       CASE WHEN sales > 0 THEN 'sold_in_between'
            WHEN supervisor_id <> coalesce(operator_id, '') THEN 'approved'
            ELSE 'opened_after_cancel' END AS why,
       amount_minor, members, coalesce(cancelled_by, 'unknown') AS cancelled_by, took_us / 1000000 AS seconds_since_cancel
FROM near MATCH_RECOGNIZE (
  PARTITION BY anchor_id
  ORDER BY event_us, CASE WHEN event_id = anchor_id THEN 2 WHEN cancels THEN 0 ELSE 1 END, event_id DESC
  MEASURES cancel.event_id AS members, cancel.total_minor AS amount_minor, cancel.operator_id AS cancelled_by,
           COUNT(sale.*) AS sales, drawer.operator_id AS operator_id, drawer.supervisor_id AS supervisor_id,
           drawer.event_us - cancel.event_us AS took_us
  ONE ROW PER MATCH
  PATTERN (cancel (sale | other)* drawer)
  DEFINE cancel AS cancels, sale AS sells, other AS NOT cancels, drawer AS event_id = anchor_id,
         within AS within_seconds * 1000000
) AS opened
