WITH refunded AS (
  SELECT a.event_id, sum(t.amount_minor) AS cash_minor, max(p.smallest_minor) AS smallest_minor,
         max(p.copy_seconds) AS copy_seconds, max(p.within_days) AS within_days
  FROM anchor a
  JOIN params p ON p.tenant_id = a.tenant_id AND p.store_id = a.store_id
  JOIN tenders t ON t.event_id = a.event_id AND t.tender_type = 'CASH' AND t.direction <> 'IN'
  WHERE NOT a.training AND NOT a.test
  GROUP BY a.event_id
),
sold AS (
  SELECT a.event_id, a.tenant_id, a.store_id, a.operator_id, a.event_us, r.cash_minor, r.copy_seconds,
         s.event_id AS sale_id, s.event_us AS sale_us, s.register_id, s.receipt_no, s.sequence_no, s.business_day,
         row_number() OVER (PARTITION BY a.event_id ORDER BY s.event_us DESC, s.event_id) AS nth
  FROM refunded r
  JOIN anchor a ON a.event_id = r.event_id
  JOIN pos s ON s.tenant_id = a.tenant_id AND s.store_id = a.store_id AND s.kind = 'SALE'
            AND s.event_us BETWEEN a.event_us - 86400000000 AND a.event_us
            AND (s.event_id = a.reference_event_id
                 OR (s.register_id = a.reference_register_id AND s.receipt_no = a.reference_receipt_no)
                 OR (s.register_id = a.reference_register_id AND s.sequence_no = a.reference_sequence_no
                     AND s.business_day = a.reference_business_day))
  WHERE NOT s.training AND NOT s.test AND r.cash_minor >= r.smallest_minor
),
cash AS (
  SELECT s.event_id, count(t.tender_no) AS tenders
  FROM sold s
  JOIN tenders t ON t.event_id = s.sale_id AND t.tender_type = 'CASH' AND t.direction = 'IN'
  WHERE s.nth = 1
  GROUP BY s.event_id
),
copies AS (
  SELECT s.event_id, s.sale_id, s.receipt_no, s.cash_minor, s.copy_seconds, r.event_id AS copy_id,
         r.event_us - s.sale_us AS after_us, (s.event_us - r.event_us) / 60000000 AS minutes,
         row_number() OVER (PARTITION BY s.event_id ORDER BY r.event_us DESC, r.event_id) AS nth
  FROM sold s
  JOIN cash c ON c.event_id = s.event_id
  JOIN pos r ON r.tenant_id = s.tenant_id AND r.store_id = s.store_id AND r.kind = 'REPRINT'
            AND r.operator_id = s.operator_id AND NOT r.training AND NOT r.test
            AND r.event_us BETWEEN s.sale_us AND s.event_us
            AND (r.reference_event_id = s.sale_id
                 OR (r.reference_register_id = s.register_id AND r.reference_receipt_no = s.receipt_no)
                 OR (r.reference_register_id = s.register_id AND r.reference_sequence_no = s.sequence_no
                     AND coalesce(r.reference_business_day = s.business_day, true)))
  WHERE s.nth = 1
),
older AS (
  SELECT a.event_id, c.event_id AS copy_id, a.reference_receipt_no AS receipt_no, r.cash_minor,
         (a.event_us - c.event_us) / 60000000 AS minutes,
         row_number() OVER (PARTITION BY a.event_id ORDER BY c.event_us DESC, c.event_id) AS nth
  FROM refunded r
  JOIN anchor a ON a.event_id = r.event_id
  JOIN history n ON n.event_id = a.event_id AND n.entity_kind = 'receipt'
  JOIN history c ON c.tenant_id = a.tenant_id AND c.store_id = a.store_id AND c.kind = 'REPRINT' AND c.entity_kind = 'receipt'
            AND c.entity = n.entity AND c.operator_id = a.operator_id AND c.reference_business_day < c.business_day
            AND c.event_us > a.event_us - r.within_days * 86400000000 AND c.event_us <= a.event_us
  WHERE r.cash_minor >= r.smallest_minor AND NOT EXISTS (SELECT 1 FROM sold s WHERE s.event_id = r.event_id)
)
SELECT event_id AS anchor_id,
       CASE WHEN after_us >= copy_seconds * 1000000 THEN 'fired' ELSE 'silent' END AS outcome,
       CASE WHEN after_us >= copy_seconds * 1000000 THEN 'reprinted' ELSE 'copy_at_once' END AS why,
       cash_minor AS amount_minor, concat(sale_id, ',', copy_id) AS members, minutes AS minutes_since_reprint,
       coalesce(receipt_no, 'without a number') AS sale_receipt
FROM copies
WHERE nth = 1
UNION ALL
SELECT event_id AS anchor_id, 'fired' AS outcome, 'reprinted_days_later' AS why, cash_minor AS amount_minor, copy_id AS members,
       minutes AS minutes_since_reprint, coalesce(receipt_no, 'without a number') AS sale_receipt
FROM older
WHERE nth = 1
